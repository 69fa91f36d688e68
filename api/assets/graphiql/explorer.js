// The API explorer: GraphiQL on the server's own files, so that it works where there is no Internet.
//
// The access token lives in the field at the top and in this tab's sessionStorage, nowhere else. The header editor
// only holds a placeholder for it, because GraphiQL keeps what its editors hold.

const { React, ReactDOM, GraphiQL, graphqlWs } = globalThis;
const { createElement, useEffect, useMemo, useState } = React;

const TOKEN_KEY = 'enishi.token';
const PLACEHOLDER = 'Bearer …';
const DEFAULT_HEADERS = JSON.stringify({ Authorization: PLACEHOLDER });

const LABELS = {
  en: {
    token: 'Access token',
    hint: 'Kept until this tab is closed. “Bearer …” in the headers stands for it.',
    missing: 'Enter an access token to begin.',
    welcome: 'Press ▶ or Ctrl+Enter to run this.',
  },
  ja: {
    token: 'アクセストークン',
    hint: 'このタブを閉じるまで保持されます。ヘッダーの「Bearer …」はこのトークンに置き換わります。',
    missing: 'アクセストークンを入力すると始められます。',
    welcome: '▶ または Ctrl+Enter で実行します。',
  },
  zh: {
    token: '访问令牌',
    hint: '仅保留到此标签页关闭为止。请求头中的“Bearer …”会替换为该令牌。',
    missing: '请输入访问令牌以开始使用。',
    welcome: '按 ▶ 或 Ctrl+Enter 运行。',
  },
};

/** The first of the reader's languages that we speak. */
function chooseLanguage() {
  const spoken = navigator.languages.map((language) => language.toLowerCase().split('-')[0]);
  return spoken.find((language) => language in LABELS) ?? 'en';
}

/**
 * The headers to send: the placeholder becomes the token, and goes away when there is none. An empty header editor
 * means what it was filled with at first; `{}` means to ask as nobody.
 */
function resolveHeaders(edited, token) {
  const headers = edited && Object.keys(edited).length > 0 ? { ...edited } : {};
  if (edited === undefined) headers.Authorization = PLACEHOLDER;
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() !== 'authorization' || value !== PLACEHOLDER) continue;
    if (token) headers[name] = `Bearer ${token}`;
    else delete headers[name];
  }
  return headers;
}

/** The credential as a socket wants it: in the payload of connection_init. */
function connectionPayload(headers) {
  const credential = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization');
  return credential ? { authorization: credential[1] } : {};
}

/** Sends queries and mutations over HTTP and subscriptions over graphql-transport-ws. */
function createFetcher(token) {
  // Beside this page rather than at the root, so that a reverse proxy may add a prefix.
  const url = new URL('../graphql', location.href);
  const socketUrl = new URL(url);
  socketUrl.protocol = url.protocol.replace('http', 'ws');

  let headers = {};
  // Lazy: the socket opens with the first subscription, with the headers of that moment.
  const wsClient = graphqlWs.createClient({
    url: socketUrl.href,
    connectionParams: () => connectionPayload(headers),
  });
  const send = GraphiQL.createFetcher({ url: url.href, wsClient });
  return (operation, options) => {
    headers = resolveHeaders(options?.headers, token);
    return send(operation, { ...options, headers });
  };
}

/**
 * One tab for each operation of the file, with the comment above it. The file is one valid document, so that a test
 * can hold it against the schema; operations are set apart by an empty line and a comment.
 */
function readTabs(document, welcome) {
  return document
    .split(/\n\n(?=#)/)
    .map((query) => ({ query: `# ${welcome}\n${query.trim()}\n`, headers: DEFAULT_HEADERS }));
}

function Explorer({ tokenInput, hint, labels, tabs }) {
  const [token, setToken] = useState(sessionStorage.getItem(TOKEN_KEY) ?? '');

  useEffect(() => {
    tokenInput.value = token;
    hint.textContent = token ? labels.hint : labels.missing;
    const change = () => {
      const entered = tokenInput.value.trim();
      sessionStorage.setItem(TOKEN_KEY, entered);
      setToken(entered);
    };
    tokenInput.addEventListener('change', change);
    return () => tokenInput.removeEventListener('change', change);
  }, [token]);

  // A new fetcher makes GraphiQL read the schema again, as the new token sees it.
  const fetcher = useMemo(() => createFetcher(token), [token]);
  return createElement(
    GraphiQL,
    {
      fetcher,
      defaultTabs: tabs,
      defaultHeaders: DEFAULT_HEADERS,
      defaultEditorToolsVisibility: 'variables',
      shouldPersistHeaders: false,
      showPersistHeadersSettings: false,
    },
    // The bar above says whose page this is.
    createElement(GraphiQL.Logo, null, ''),
  );
}

const language = chooseLanguage();
const labels = LABELS[language];
document.documentElement.lang = language;
document.querySelector('[data-label=token]').textContent = labels.token;

const examples = await fetch('examples.graphql');
const tabs = examples.ok ? readTabs(await examples.text(), labels.welcome) : undefined;

ReactDOM.createRoot(document.getElementById('explorer')).render(
  createElement(Explorer, {
    tokenInput: document.getElementById('token'),
    hint: document.getElementById('hint'),
    labels,
    tabs,
  }),
);
