"""Who a label of a source stands for, where it says so in words."""

from __future__ import annotations

import re

from jiyu.model import Speaker

_WORDS: dict[Speaker, str] = {
    "agent": """
        agent 客服 坐席 座席 坐席员 客服人员 客服代表 人工客服 人工 专员 专席 员工 服务员 接线员
        客服端 坐席端 客服方 服务方 商家 店家 卖家 商户 服 坐 席 席位 话务员 staff operator
        representative rep csr advisor seller merchant employee supervisor 班长 组长 主管 專員
        員工 服務員 話務員 商家客服 servicer human_agent agent_side
    """,
    "customer": """
        customer 客户 客戶 顾客 顧客 用户 用戶 买家 買家 访客 訪客 客人 消费者 消費者 来电者
        來電者 主叫 客户端 客戶端 客户方 客 用 caller client contact visitor user buyer guest
        end_user enduser consumer customer_side lead 会员 會員
    """,
    "system": """
        system 系统 系統 机器人 機器人 智能客服 机器客服 机器 bot custom_bot robot ivr chatbot
        virtual_agent agent_bot 语音导航 自动回复 自動回覆 提示 notice
    """,
}
_ROLE: dict[str, Speaker] = {word: role for role, text in _WORDS.items() for word in text.split()}
_NUMBERED = re.compile(r"[\s_\-#]*[a-z]?\d+$")
_UNNAMED = (
    r"(?:speaker|spk|channel|ch|说话人|說話人|发言人|發言人|讲话人|声道)[\s_\-]*[\dA-Da-d]{1,3}"
)
_PREFIX = re.compile(
    rf"\s*(?:[\[【(（](?P<bracketed>[^\]】)）:：]{{1,24}})[\]】)）]\s*[:：]?"
    rf"|(?P<plain>{_UNNAMED}|[^\s:：,，。.!！?？]{{1,12}})\s*[:：])\s*",
    re.IGNORECASE,
)


def role_of(label: str | None) -> Speaker:
    """Return the role that a label names in words, ``other`` if it names none."""
    if not label:
        return "other"
    plain = label.strip().strip("[]【】()（）:：").casefold()
    return _ROLE.get(plain) or _ROLE.get(_NUMBERED.sub("", plain), "other")


def split_label(text: str) -> tuple[str | None, str]:
    """Take off a label such as ``客服：`` or ``[SPEAKER_00]: `` before what is said.

    Only words for roles and numbered speakers are labels: 时间：三点 is a sentence.
    """
    found = _PREFIX.match(text)
    if found:
        label = found["bracketed"] or found["plain"]
        if role_of(label) != "other" or re.fullmatch(_UNNAMED, label.strip(), re.IGNORECASE):
            return label.strip(), text[found.end() :]
    return None, text
