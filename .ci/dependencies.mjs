// Reads `cargo metadata` on stdin and the lists of deny.toml, and says what does not belong.
//
// Every finding names the crate and the rule. To allow a licence or ban a crate, edit deny.toml; to let one of our
// crates use something new, edit `layers` below, and ARCHITECTURE.md with it.

import { readFileSync } from 'node:fs';

/** Crates that hold connections, timers or trust: two copies would not see each other's. */
const singletons = ['sqlx', 'redis', 'tokio', 'chrono', 'libsqlite3-sys', 'rustls'];

/**
 * What each of our crates may name in its Cargo.toml. `only` lists everything allowed, `never` what is not;
 * `neverBelow` holds for the whole tree under the crate. Test dependencies are free where only `only` would refuse
 * them. A pattern ends in `*`.
 */
const layers = {
  entity: {
    only: ['sea-orm', 'serde', 'serde_json', 'uuid', 'chrono', 'async-graphql', 'thiserror'],
    neverBelow: ['actix-*', 'apalis*', 'redis', 'reqwest'],
  },
  migration: {
    only: ['sea-orm-migration', 'async-trait', 'tracing'],
    neverBelow: ['entity', 'actix-*', 'apalis*', 'redis', 'reqwest'],
  },
  domain: {
    never: ['actix-*', 'apalis*', 'redis', 'reqwest', 'api', 'worker', 'tests'],
    neverBelow: ['actix-*', 'apalis*', 'redis', 'reqwest'],
  },
  // Runs the worker inside its own process when no Redis is configured, so apalis is below it, never beside it.
  api: { never: ['apalis*', 'tests'] },
  // GraphQL derives reach it through the kinds of `domain` that are data.
  worker: { never: ['actix-*', 'async-graphql*', 'api', 'tests'], neverBelow: ['actix-*'] },
};

const findings = [];

// --- deny.toml -------------------------------------------------------------------------------------------------

/** The list under `key` in `[section]`. The file is our own, so this much TOML is enough. */
function readList(toml, section, key, item) {
  const body = toml.split(/^\[/m).find((part) => part.startsWith(`${section}]`)) ?? '';
  const list = body.match(new RegExp(`^${key} = \\[\\n([\\s\\S]*?)^\\]`, 'm'))?.[1].replace(/^\s*#.*$/gm, '');
  const found = [...(list ?? '').matchAll(item)].map((match) => match[1]);
  if (found.length === 0) throw new Error(`deny.toml has no list ${key} in [${section}]`);
  return found;
}

const toml = readFileSync(process.argv[2], 'utf8');
const allowedLicences = new Set(readList(toml, 'licenses', 'allow', /"([^"]+)"/g));
const banned = readList(toml, 'bans', 'deny', /crate = "([^"]+)"/g);

// --- Licences --------------------------------------------------------------------------------------------------

/** Whether an SPDX expression can be met with allowed licences alone. */
function isPermitted(expression) {
  // Old manifests separate alternatives with a slash.
  const tokens = expression.replaceAll('/', ' OR ').match(/[()]|[^\s()]+/g) ?? [];
  let position = 0;
  const either = () => {
    let permitted = both();
    while (tokens[position] === 'OR') {
      position += 1;
      // Not `||`: the right side must be read even when the left one is enough.
      const right = both();
      permitted = permitted || right;
    }
    return permitted;
  };
  const both = () => {
    let permitted = one();
    while (tokens[position] === 'AND') {
      position += 1;
      const right = one();
      permitted = permitted && right;
    }
    return permitted;
  };
  const one = () => {
    let licence = tokens[position++];
    if (licence === '(') {
      const inner = either();
      position += 1;
      return inner;
    }
    if (tokens[position] === 'WITH') {
      licence = `${licence} WITH ${tokens[position + 1]}`;
      position += 2;
    }
    return allowedLicences.has(licence);
  };
  const permitted = either();
  return permitted && position === tokens.length;
}

// --- The tree --------------------------------------------------------------------------------------------------

const metadata = JSON.parse(readFileSync(0, 'utf8'));
const packages = new Map(metadata.packages.map((one) => [one.id, one]));
const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
const members = new Set(metadata.workspace_members);

for (const { id, name, version, license, source, manifest_path } of packages.values()) {
  const label = `${name} ${version}`;
  if (!license) findings.push(`${label}: states no licence`);
  else if (!isPermitted(license)) findings.push(`${label}: licence ${license} is not in deny.toml`);
  if (banned.includes(name)) findings.push(`${label}: is banned in deny.toml`);
  if (source === null) {
    if (!manifest_path.startsWith(metadata.workspace_root)) findings.push(`${label}: lies outside the workspace`);
  } else if (!/^registry\+\S+\/crates\.io-index$/.test(source)) {
    findings.push(`${label}: comes from ${source}, not from the registry`);
  }
  if (members.has(id) && !(name in layers) && name !== 'tests') {
    findings.push(`${name}: is not in the layers of .ci/dependencies.mjs`);
  }
}

for (const name of singletons) {
  const versions = [...packages.values()].filter((one) => one.name === name).map((one) => one.version);
  if (versions.length !== 1) findings.push(`${name}: must be there once, found [${versions.join(', ')}]`);
}

// --- Layers ----------------------------------------------------------------------------------------------------

const matches = (name, patterns = []) =>
  patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));

/** The shortest chain of names from a package to one that `patterns` names, or nothing. Test dependencies aside. */
function chainTo(start, patterns) {
  const queue = [[start]];
  const seen = new Set([start]);
  for (const chain of queue) {
    for (const { pkg, dep_kinds } of nodes.get(chain.at(-1)).deps) {
      if (seen.has(pkg) || dep_kinds.every(({ kind }) => kind === 'dev')) continue;
      seen.add(pkg);
      const longer = [...chain, pkg];
      if (matches(packages.get(pkg).name, patterns)) return longer.map((id) => packages.get(id).name).join(' -> ');
      queue.push(longer);
    }
  }
  return undefined;
}

for (const [layer, { only, never, neverBelow }] of Object.entries(layers)) {
  const one = [...members].map((id) => packages.get(id)).find(({ name }) => name === layer);
  if (!one) {
    findings.push(`${layer}: no such crate in the workspace`);
    continue;
  }
  for (const { name, kind } of one.dependencies) {
    if (matches(name, never)) findings.push(`${layer}: must not know ${name}`);
    if (only && kind !== 'dev' && !matches(name, only)) findings.push(`${layer}: may only use ${only.join(', ')}, not ${name}`);
  }
  const chain = neverBelow && chainTo(one.id, neverBelow);
  if (chain) findings.push(`${layer}: must not reach what it reaches: ${chain}`);
}

if (findings.length > 0) {
  process.stderr.write(`${findings.join('\n')}\n`);
  process.exit(1);
}
process.stdout.write(`${packages.size} packages: licences, bans, sources and layers hold\n`);
