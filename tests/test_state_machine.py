"""Whatever people say in whatever order: a reply, never an exception, a way to the end, and nothing lost."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.handle import BUSY
from tests.talk import Talk
from tests.willing import answer, goes_to_the_end

OPENINGS = [
    "柳州的书院想搞个人才一站",
    "我们驿站柳州市里已经认定了，现在想领那笔建设补助",
    "莆田荔城区的，想报市级人才驿站",
    "我们公司在柳州，跟武汉一所大学谈好了要共建人才工作站，想办设站申请",
    "柳州人才工作站年度评估，想看看我们能评几级",
    "我是福州高新区的，想申报区里的人才驿站",
    "福州高新区人才驿站考核表怎么填，我们是创业型的",
    "青岛的人才驿站试点我们想报",
    "你好",
]
QUESTIONS = ["补助最多能给多少？", "要交什么材料", "今天还能报吗", "框架协议行不行？", "明天下雨吗", "一年办三场够不够"]
COMMANDS = [
    "上一步",
    "我填到哪了",
    "帮助",
    "为什么问这个",
    "优选",
    "暂停",
    "继续",
    "人工",
    "查看我的数据",
    "撤回同意",
    "用这句",
    "谢谢",
    "算了",
    "你好",
]
CHANGES = ["改第1项", "改第3项", "修改 场地面积", "修改 手机", "不对，是8场", "类型改成综合型", "场地面积改成360平", "改第99项", "修改"]
SWITCHES = ["换成莆田的", "换成青岛的", "换成柳州人才工作站", "换成福州高新区的"]
ODD = [
    "不清楚",
    "跳过",
    "有，但是不多",
    "三四十人",
    "一百二十平，一年办5场，每场60人",
    "13900001234",
    "{{7*7}}]]>",
    "=1+1",
    "是",
    "否",
    "2",
    "没有",
]


class Conversation(RuleBasedStateMachine):
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.talk = Talk(self.folder, "2026-11-22")

    @initialize(opening=st.sampled_from(OPENINGS), today=st.sampled_from(["2026-11-22", "2025-08-15", "2022-06-15", "2021-03-15"]))
    def begin(self, opening: str, today: str) -> None:
        self.talk.today = type(self.talk.today).fromisoformat(today)
        self.talk.say(opening)

    @rule(times=st.integers(1, 6))
    def answer_what_is_asked(self, times: int) -> None:
        for _ in range(times):
            asking = self.talk.last.asking
            self.talk.say(answer(asking) if asking else "继续")

    @rule(text=st.sampled_from(COMMANDS + CHANGES + SWITCHES + ODD + QUESTIONS))
    def say_something_people_say(self, text: str) -> None:
        before = self.talk.asks
        self.talk.say(text)
        if text in ("帮助", "我填到哪了", "谢谢") and before != "confirm":
            assert self.talk.asks == before

    @rule(text=st.text(max_size=60))
    def say_anything(self, text: str) -> None:
        self.talk.say(text)

    @rule()
    def begin_anew_and_think_again(self) -> None:
        self.talk.say("重新开始")
        asked = self.talk.asks
        self.talk.say("否")
        assert asked == "confirm"

    @rule()
    def close_and_come_back(self) -> None:
        before = self.talk.desk.store.load(self.talk.message("").person)
        self.talk.reopen()
        assert self.talk.desk.store.load(self.talk.message("").person) == before

    @rule(text=st.sampled_from(["是", "60", "上一步", "同意"]))
    def send_the_same_message_twice(self, text: str) -> None:
        first = self.talk.say(text, message_id=f"twice{self.talk.number}")
        again = self.talk.say(text, message_id=f"twice{self.talk.number - 1}")
        assert again.replies == first.replies
        assert again.session == first.session
        self.talk.last = first

    @invariant()
    def there_is_always_a_reply_with_its_clause(self) -> None:
        Conversation.steps += 1
        made = self.talk.last
        if made is None:
            return
        assert made.replies
        assert all(reply.text for reply in made.replies)
        assert not any(reply.text == BUSY for reply in made.replies)
        for finding in made.verdict.findings if made.verdict else ():
            assert finding.citations
        assert self.talk.desk.store.load(made.session.person) == made.session

    def teardown(self) -> None:
        if self.talk.last is not None:
            if self.talk.asks == "confirm":
                self.talk.say("否")
            goes_to_the_end(self.talk)
        self.talk.desk.store.close()
        shutil.rmtree(self.folder)


def test_ten_thousand_steps_of_random_talk_end_well() -> None:
    Conversation.steps = 0
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Conversation,
        settings=settings(
            max_examples=250, stateful_step_count=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
        ),
    )
    assert Conversation.steps >= 10_000
