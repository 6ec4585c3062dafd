"""What does the WeChat channel say by itself? Everything else comes from `flows/wording/`."""

GREETING = "你好"
VIEW = "1"
MORE_WORDS = frozenset({"更多", "更多。", "继续看"})
HEARD = "我听到的是：{text}"
NOT_HEARD = "我听不了语音，麻烦把要说的打成文字发给我。"
LOST = "您前面有一条消息没有处理完，请再发一次。"
SORRY = "这一条我没能处理，您的数据没有变；请换个说法再发一次，或回复“人工”。"
HINT = "在这个页面上还可以订阅日期提醒。"
NOT_READ = {
    "image": "图片我看不了。请把要问的、要填的打成文字发给我；材料的照片不用发，交材料时带上就行。",
    "video": "视频我看不了，请用文字告诉我。",
    "shortvideo": "视频我看不了，请用文字告诉我。",
    "location": "位置我收到了，但填表要用文字：请把详细地址打出来，到门牌号或楼层。",
    "link": "链接我打不开，请把要问的内容用文字发给我。",
    "file": "文件我打不开。请用文字回答问题，我来帮您生成表格。",
}
NOT_UNDERSTOOD = "这种消息我看不懂，请用文字告诉我。"
WAIT = "正在生成，回复 1 查看"
TOO_FAST = "您发得太快了，后面这几条先不处理。请稍等十秒，把没有答复的再发一次。"
TOO_MANY = "现在用的人很多，这一条没有处理，请过一会儿再发一次。"
