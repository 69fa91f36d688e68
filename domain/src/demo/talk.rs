//! What customers and we write: threads in three languages, the customer's and our messages in turn.

use super::people::Language;

/// A thread: its subject, the tag a colleague put on it, and its messages, the customer first.
pub(super) struct Thread {
    pub(super) subject: &'static str,
    pub(super) tag: Option<&'static str>,
    pub(super) messages: &'static [&'static str],
}

pub(super) fn threads(language: Language) -> &'static [Thread] {
    match language {
        Language::Ja => JA,
        Language::Zh => ZH,
        Language::En => EN,
    }
}

#[rustfmt::skip]
const JA: &[Thread] = &[
    Thread { subject: "お見積もりのお願い", tag: Some("見積もり"), messages: &[
        "お世話になっております。スタンダードプランを30名で使いたいのですが、年払いのお見積もりをいただけますでしょうか。",
        "お問い合わせありがとうございます。30名様の年払いのお見積書を添付いたします。ご不明な点がございましたらお知らせください。",
        "ありがとうございます。社内で確認し、来週中にご返事いたします。",
        "承知いたしました。ご検討のほどよろしくお願いいたします。",
    ] },
    Thread { subject: "パートナーシップについて", tag: None, messages: &[
        "突然のご連絡失礼いたします。弊社の顧客基盤を生かして、御社とパートナーシップを結べないかと考えております。一度お話しする機会をいただけませんか。",
        "ご提案ありがとうございます。担当より改めてご連絡いたします。来週の水曜か木曜のご都合はいかがでしょうか。",
        "木曜の14時でお願いいたします。共同セミナーの案も用意して伺います。",
    ] },
    Thread { subject: "ログインできません", tag: Some("不具合"), messages: &[
        "今朝からログインできず困っています。パスワードを再設定しても「認証に失敗しました」と表示されます。至急ご確認ください。",
        "ご不便をおかけして申し訳ございません。ただいま調査しております。ご利用のブラウザを教えていただけますか。",
        "Chromeの最新版です。同じ部署の3名とも同じ状況です。",
        "原因が分かり、復旧いたしました。お手数ですが再度お試しください。",
        "無事に入れました。早いご対応ありがとうございました。",
    ] },
    Thread { subject: "請求書の宛名変更", tag: Some("請求"), messages: &[
        "来月分から請求書の宛名を「経理部 御中」に変更していただけますか。",
        "承りました。次回の発行分から変更いたします。",
    ] },
    Thread { subject: "レポート機能の使い方", tag: Some("使い方"), messages: &[
        "月次レポートをCSVで書き出す方法が分かりません。教えてください。",
        "画面右上の「書き出し」から形式をお選びいただけます。手順の資料もお送りいたします。",
        "できました。とても便利ですね。ほかの部署にも紹介しておきます。",
    ] },
    Thread { subject: "解約の検討", tag: Some("解約の相談"), messages: &[
        "来期の予算見直しにより、契約の更新を見送る方向で検討しています。違約金の有無を教えてください。",
        "ご検討の状況をお知らせいただきありがとうございます。違約金はございません。よろしければ、ご利用状況に合うプランをご提案させてください。",
    ] },
    Thread { subject: "コラボレーション企画のご相談", tag: None, messages: &[
        "来春の展示会で、御社とコラボレーション企画を行いたいと考えております。ご興味はございますか。",
        "とても興味深いお話です。企画書を拝見できますでしょうか。",
        "本日中にお送りします。どうぞよろしくお願いいたします。",
    ] },
    Thread { subject: "追加ユーザーについて", tag: Some("請求"), messages: &[
        "新しく入った5名分のアカウントを追加したいです。今月分は日割りになりますか。",
        "はい、日割りで計算いたします。管理画面からすぐに追加いただけます。",
        "承知しました。本日追加します。",
    ] },
];

#[rustfmt::skip]
const ZH: &[Thread] = &[
    Thread { subject: "咨询企业版报价", tag: Some("見積もり"), messages: &[
        "您好,我们计划采购企业版,大约100个账号,请问有优惠吗?希望本周内收到报价单。",
        "您好,感谢咨询!100个账号可以享受阶梯价,报价单已发到您的邮箱,有效期30天。",
        "收到了,我们内部走流程,预计两周左右。",
    ] },
    Thread { subject: "合作意向", tag: None, messages: &[
        "你好,我们是本地的渠道商,想了解贵司的代理政策,也想谈谈 アフィリエイト 合作的可能。",
        "您好,欢迎合作!我们安排渠道经理与您联系,请问方便的时间是?",
        "周五下午都可以。",
        "好的,周五下午三点电话沟通。",
    ] },
    Thread { subject: "数据导入失败", tag: Some("不具合"), messages: &[
        "导入客户名单的时候一直报错,文件是Excel另存的CSV,两千多行。麻烦尽快看一下,明天就要用。",
        "您好,问题应该是文件编码,请另存为UTF-8格式再试一次。附上操作截图。",
        "可以了,谢谢!建议以后直接支持Excel格式。",
        "感谢建议,已经记录到产品需求里。",
    ] },
    Thread { subject: "发票问题", tag: Some("請求"), messages: &[
        "上个月的发票抬头写错了,需要重开,请问怎么处理?",
        "请把正确的抬头和税号发给我们,三个工作日内重新开具。",
        "已经发了,请查收。",
    ] },
    Thread { subject: "如何设置自动标签", tag: Some("使い方"), messages: &[
        "请问怎么设置规则,让含有某些关键词的消息自动打标签?",
        "在「规则」里新建,选择关键词条件,再选标签动作就可以了。创建后立即生效。",
        "非常好用,赞一个!",
    ] },
    Thread { subject: "响应太慢", tag: Some("不具合"), messages: &[
        "上周提的工单到现在没人回复,这样的服务让我们很难续约。",
    ] },
    Thread { subject: "续约时间", tag: Some("見積もり"), messages: &[
        "我们的合同什么时候到期?想提前安排续约。",
        "您好,合同12月底到期,现在续约可以保持原价。",
        "好的,请发续约合同。",
    ] },
    Thread { subject: "培训安排", tag: Some("使い方"), messages: &[
        "新同事比较多,能不能再安排一次线上培训?",
        "可以的,下周二上午十点怎么样?会议链接稍后发您。",
        "没问题,一共八个人参加。",
    ] },
];

#[rustfmt::skip]
const EN: &[Thread] = &[
    Thread { subject: "Quote for 50 seats", tag: Some("見積もり"), messages: &[
        "Hi, we're comparing tools for our support team and would like a quote for 50 seats, billed yearly. Do you offer a discount for a two-year term?",
        "Hi, thanks for reaching out! The quote is attached. A two-year term takes 12% off the list price.",
        "That works for us. I'll take it to procurement this week.",
    ] },
    Thread { subject: "Partnership idea", tag: None, messages: &[
        "Hello, we run workshops for retail teams and think a パートナーシップ between us would make sense for our clients in Tokyo. Could we talk next week?",
        "Hello, we'd love to hear more. Does Tuesday at 9:00 your time work?",
        "Tuesday is perfect. I'll bring numbers from our last program.",
    ] },
    Thread { subject: "Dashboard shows wrong totals", tag: Some("不具合"), messages: &[
        "The weekly dashboard double-counts replies since Monday. This is going to our board on Friday, please have a look.",
        "Thanks for flagging it. We can reproduce the problem and are working on a fix.",
        "Any news? We really need this today.",
        "The fix is live. Totals since Monday have been recalculated.",
        "Confirmed, numbers match now. Thank you for the quick turnaround!",
    ] },
    Thread { subject: "Invoice question", tag: Some("請求"), messages: &[
        "Our invoice lists 60 seats but we only have 48 active people. Can you check?",
        "You're right, 12 deactivated seats were still counted. A credit note is on its way.",
    ] },
    Thread { subject: "How do I merge two contacts?", tag: Some("使い方"), messages: &[
        "One customer wrote from two addresses and now appears twice. How do I merge them?",
        "Open either one, choose Merge, and pick the other. The history of both is kept.",
        "Found it, thanks!",
    ] },
    Thread { subject: "Thinking about cancelling", tag: Some("解約の相談"), messages: &[
        "Honestly, we haven't logged in much this quarter. What would we lose if we cancelled now?",
    ] },
    Thread { subject: "Love the new timeline", tag: None, messages: &[
        "Just wanted to say that the new timeline saves us an hour a day. Great work!",
        "That made our day, thank you! Anything you are still missing?",
        "Filters by campaign would be nice. Otherwise we're happy.",
    ] },
    Thread { subject: "SSO for our team", tag: Some("使い方"), messages: &[
        "Does the standard plan include single sign-on? Our security team insists on it.",
        "It does. I've attached the setup guide; it takes about fifteen minutes.",
        "Perfect, we'll set it up on Thursday.",
    ] },
];

/// What a customer whose messages are announced wrote just now.
pub(super) const JUST_NOW: [&str; 2] = [
    "お世話になっております。来月の契約更新について、できれば今日中にご相談したいのですが、お時間をいただけますか。",
    "您好,我们想把账号数量增加一倍,请尽快联系我。",
];
