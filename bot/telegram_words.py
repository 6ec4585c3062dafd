"""What does the Telegram channel say by itself, and which commands does it offer? Everything else comes from `flows/wording/`."""

GREETING = "你好"
COMMANDS = {
    "start": GREETING,
    "help": "帮助",
    "status": "我填到哪了",
    "back": "上一步",
    "pause": "暂停",
    "resume": "继续",
    "restart": "重新开始",
    "why": "为什么问这个",
    "human": "人工",
    "mydata": "查看我的数据",
    "withdraw": "撤回同意",
    "delete": "删除我的数据",
    "stop": "退订",
    "code": "继续码",
}
"""Command → what it says to the assistant."""
DESCRIBED = (
    ("help", "怎么用", "How to use this assistant"),
    ("status", "我填到哪了", "What I have filled in so far"),
    ("back", "回到上一项", "Back to the previous question"),
    ("why", "为什么问这个（看原文）", "Why this is asked (the clause)"),
    ("pause", "先停下，已保存", "Pause; everything is saved"),
    ("resume", "接着填", "Go on"),
    ("restart", "从头开始", "Start over"),
    ("human", "找工作人员", "Ask for a person"),
    ("code", "换个渠道接着填", "Go on in another channel"),
    ("mydata", "查看我的数据", "Show my data"),
    ("withdraw", "撤回同意", "Withdraw consent"),
    ("delete", "删除我的数据", "Delete my data"),
    ("stop", "不再收提醒", "No more reminders"),
)
"""The menu: command, in Chinese, in English."""
CODE_LINK = "code-"
"""Before a continuation code in a deep link: `?start=code-ABCD-EFGH`."""
UNKNOWN_COMMAND = "帮助"
STALE = "该按钮已失效"
PRESSED_TOO_FAST = "点得太快了，请稍等几秒"
TOO_FAST = "您发得太快了，后面这几条先不处理。请稍等十秒，把没有答复的再发一次。"
SORRY = "这一条我没能处理，您的数据没有变；请换个说法再发一次，或回复“人工”。"
EDITED = "改过的消息我不会重新读：请把新的内容重新发送一条。"
FORWARDED = "这是转发来的内容，我没有把它当作您的回答。要用的话，请把文字复制后直接发给我。"
NOT_YOUR_CONTACT = "这不是您自己的名片，没有记下。请点“发送我的手机号”，或直接把手机号打出来。"
CONTACT_NOT_ASKED = "名片收到了，但现在不需要手机号，没有记下。"
CONTACT_BUTTON = "发送我的手机号"
IN_GROUP = "我只在私聊里答复：{link}"
NOT_READ = {
    "photo": "图片我看不了。请把要问的、要填的打成文字发给我；材料的照片不用发，交材料时带上就行。",
    "sticker": "表情我看不懂，请用文字告诉我。",
    "animation": "动图我看不了，请用文字告诉我。",
    "voice": "我听不了语音，麻烦把要说的打成文字发给我。",
    "audio": "我听不了录音，麻烦把要说的打成文字发给我。",
    "video": "视频我看不了，请用文字告诉我。",
    "video_note": "视频我看不了，请用文字告诉我。",
    "document": "文件我打不开。请用文字回答问题，我来帮您生成表格。",
    "location": "位置我收到了，但填表要用文字：请把详细地址打出来，到门牌号或楼层。",
    "venue": "位置我收到了，但填表要用文字：请把详细地址打出来，到门牌号或楼层。",
}
NOT_UNDERSTOOD = "这种消息我看不懂，请用文字告诉我。"
PAGE = "预览、下载、材料清单、日期：{page}"
VOTES = (("up", "👍"), ("down", "👎"))
