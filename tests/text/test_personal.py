"""Personal data in one text: what is found, what only looks like it, and what a mask leaves."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opencc import OpenCC

from jiyu.text.personal import find_personal, mask

# Every number and name below is invented.
FOUND = [
    # Mobile numbers: typed, grouped, full-width, with a country code.
    ("您的号码是13800138000对吧", [("mobile", "13800138000")]),
    ("打138 0013 8000", [("mobile", "138 0013 8000")]),
    ("+86 138-0013-8000", [("mobile", "+86 138-0013-8000")]),
    ("电话１３８００１３８０００", [("mobile", "１３８００１３８０００")]),
    ("1 3 8 0 0 1 3 8 0 0 0", [("mobile", "1 3 8 0 0 1 3 8 0 0 0")]),
    ("138 0013 8000 3件", [("mobile", "138 0013 8000")]),
    ("**13800138000**", [("mobile", "13800138000")]),
    ("13800138000 13900139000", [("mobile", "13800138000"), ("mobile", "13900139000")]),
    # Spoken and mixed.
    ("一三八零零一三八零零零", [("mobile", "一三八零零一三八零零零")]),
    ("号码是幺三八零零幺三八零零零", [("mobile", "幺三八零零幺三八零零零")]),
    ("一三八，嗯，零零一三，八零零零", [("mobile", "一三八，嗯，零零一三，八零零零")]),
    ("一三八0013八000", [("mobile", "一三八0013八000")]),
    ("周一13800138000", [("mobile", "13800138000")]),
    ("统一一三八零零一三八零零零", [("mobile", "一三八零零一三八零零零")]),
    # Masked.
    ("138****8000", [("mobile", "138****8000")]),
    ("138xxxx8000", [("mobile", "138xxxx8000")]),
    ("138 **** 8000", [("mobile", "138 **** 8000")]),
    # Hong Kong and Taiwan.
    ("我的電話是6123 4567", [("landline", "6123 4567")]),
    ("+852 61234567", [("mobile", "+852 61234567")]),
    ("電話六一二三四五六七", [("landline", "六一二三四五六七")]),
    ("0912-345-678", [("mobile", "0912-345-678")]),
    ("零九一二，三四五，六七八", [("mobile", "零九一二，三四五，六七八")]),
    # Landlines.
    ("0591-87654321", [("landline", "0591-87654321")]),
    ("(0591)87654321", [("landline", "0591)87654321")]),
    ("零五九一八七六五四三二一", [("landline", "零五九一八七六五四三二一")]),
    ("02-2345-6789", [("landline", "02-2345-6789")]),
    # Public numbers.
    ("400-820-8820", [("hotline", "400-820-8820")]),
    ("四零零八二零八八二零", [("hotline", "四零零八二零八八二零")]),
    ("请拨打95588", [("hotline", "95588")]),
    ("客服10086", [("hotline", "10086")]),
    ("0800-123-456", [("hotline", "0800-123-456")]),
    # Identity.
    ("11010519491231002X", [("id_number", "11010519491231002X")]),
    (
        "一一零一零五一九四九一二三一零零二叉",
        [("id_number", "一一零一零五一九四九一二三一零零二叉")],
    ),
    ("3501**********1234", [("id_number", "3501**********1234")]),
    ("身分證字號A123456789", [("id_number", "A123456789")]),
    ("身份證A123456(7)", [("id_number", "A123456(7)")]),
    # Cards and accounts.
    ("6222 0212 3456 7894", [("bank_card", "6222 0212 3456 7894")]),
    ("六二二二零二一二三四五六七八九四", [("bank_card", "六二二二零二一二三四五六七八九四")]),
    ("订单的卡号是6222021234567894", [("bank_card", "6222021234567894")]),
    ("卡号6222 **** **** 1234", [("bank_card", "6222 **** **** 1234")]),
    ("账号是123456789", [("account", "123456789")]),
    ("帳號：00123456", [("account", "00123456")]),
    # Tails.
    ("尾号8000", [("tail", "8000")]),
    ("尾號是八零零零", [("tail", "八零零零")]),
    ("后四位8000对吗", [("tail", "8000")]),
    ("電話末三碼 527", [("tail", "527")]),
    ("電話最後四個字係咪五四三二", [("tail", "五四三二")]),
    # Addresses.
    ("您在福建省莆田市荔城区荔园北路518号", [("address", "福建省莆田市荔城区荔园北路518号")]),
    ("台北市信義區松仁路100號5樓之2", [("address", "台北市信義區松仁路100號5樓之2")]),
    ("新界沙田區禾輋邨豐和樓1203室", [("address", "新界沙田區禾輋邨豐和樓1203室")]),
    ("东庄镇东庄村十二组三十五号", [("address", "东庄镇东庄村十二组三十五号")]),
    ("浦东新区世纪大道100号上午送到", [("address", "浦东新区世纪大道100号")]),
    ("佢屋企喺大埔廣福道十八號", [("address", "大埔廣福道十八號")]),
    ("仓山区建新北路九十号三零二，您", [("address", "仓山区建新北路九十号三零二")]),
    # E-mail, and several at once.
    ("邮箱lin.x@example.com", [("email", "lin.x@example.com")]),
    ("ｌｉｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", [("email", "ｌｉｎ＠ｅｘａｍｐｌｅ．ｃｏｍ")]),
    ("13800138000@163.com", [("email", "13800138000@163.com")]),
    (
        "手机13800138000,卡6222021234567894",
        [("mobile", "13800138000"), ("bank_card", "6222021234567894")],
    ),
]

LOOK_ALIKES = [
    "2026年3月2日",
    "2026-03-02 10:00:00",
    "二零二六年三月二日",
    "12.5吨，1380元",
    "13800138000元",
    "合计13,800,138,000",
    "一千三百八十九件",
    "运单号SF1380013800012",
    "YT13800138000",
    "单号是13800138000",
    "訂單編號61234567，電話稍後給您",
    "订单号6222021234567894",
    "快递6222021234567894",
    "1 3 8 0 0 1 3 8 0 0 0 1 2 3",
    "4201 1380 0138 000",
    "订单13800138000123",
    "61234567",
    "6222021234567895",
    "110105194912310021",
    "B123456789",
    "型号A1234567",
    "价格95588元",
    "数量12345件",
    "福州市鼓楼区",
    "北京市朝阳区3号发货",
    "中山路5号",
    "龙岗区龙岗街道5号前送到",
    "地铁2号线",
    "客服中心二楼12号窗口",
    "什么一三八",
    "王@客服",
]

TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(), max_size=30),
    st.text("一三八零幺么○0138 +-*xX，,()ＡA@.号號路省市区元１\ud800\0\n", max_size=60),
    st.lists(st.sampled_from([text for text, _ in FOUND] + LOOK_ALIKES), max_size=4).map("".join),
)


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_personal_data_is_found_with_its_kind_and_place(
    text: str, expected: list[tuple[str, str]]
) -> None:
    """Each kind is found in each way of writing or saying it, and nothing around it."""
    assert [(p.kind, text[p.start : p.end]) for p in find_personal(text)] == expected


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_what_only_looks_like_personal_data_is_not_found(text: str) -> None:
    """Dates, amounts, quantities, waybills, wrong check digits and vague places are none."""
    assert find_personal(text) == []


@pytest.mark.parametrize("conversion", ["s2t", "s2tw", "s2hk", "s2twp", "t2s"])
@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_the_script_of_a_text_changes_nothing(
    conversion: str, text: str, expected: list[tuple[str, str]]
) -> None:
    """A converted text holds the same kinds with the same digits."""
    converted = cache(OpenCC)(conversion).convert(text)
    found = [(p.kind, p.digits) for p in find_personal(converted)]
    assert found == [(p.kind, p.digits) for p in find_personal(text)]
    assert len(found) == len(expected)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("幺三八零零幺三八零零零", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        ("一三八0013八000", "13800138000"),
        ("138****8000", "138****8000"),
        ("138星星星星8000", "138****8000"),
        ("+886 912 345 678", "0912345678"),
        ("0086 591 87654321", "059187654321"),
        ("(02)2345-6789", "0223456789"),
        ("11010519491231002x", "11010519491231002X"),
        ("身份證A123456(7)", "A1234567"),
        ("尾号八零零零", "8000"),
        ("lin@example.com", ""),
    ],
)
def test_digits_are_the_same_however_they_were_given(text: str, digits: str) -> None:
    """Two mentions of one number can be compared: ASCII, no country code, stars for what is cut."""
    assert [p.digits for p in find_personal(text)] == [digits]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("打138-0013-8000吧", "打***-****-****吧"),
        ("一三八零零一三八零零零", "*" * 11),
        ("138****8000", "*" * 11),
        ("拨打400-820-8820", "拨打400-820-8820"),
        ("尾号8000", "尾号8000"),
        ("邮箱lin@example.com", "邮箱***@*******.***"),
        ("在荔城区荔园北路518号", "在" + "*" * 11),
        ("身份證A123456(7)", "身份證*******(*)"),
        ("没有什么", "没有什么"),
    ],
)
def test_a_mask_hides_what_is_personal_and_nothing_else(text: str, masked: str) -> None:
    """Hotlines and tails stay readable, and so do dashes and brackets."""
    assert mask(text) == masked


@given(text=TEXTS)
def test_no_text_raises_and_spans_are_ordered_and_disjoint(text: str) -> None:
    """Whatever is said, spans lie inside the text, in order, without touching each other."""
    end = 0
    for personal in find_personal(text):
        assert end <= personal.start < personal.end <= len(text)
        assert set(personal.digits) <= set("0123456789*ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        end = personal.end


@given(text=TEXTS)
def test_a_mask_keeps_every_place_and_leaves_no_found_character(text: str) -> None:
    """The masked text is as long as the text and differs from it only inside what was found."""
    masked = mask(text)
    assert len(masked) == len(text)
    rest = list(zip(text, masked, strict=True))
    for personal in reversed(find_personal(text)):
        if personal.kind not in {"hotline", "tail"}:
            assert not any(c.isalnum() for c in masked[personal.start : personal.end])
            del rest[personal.start : personal.end]
    assert all(a == b for a, b in rest)


@pytest.mark.parametrize(
    "text",
    ["1" * 1_000_000, "\ud800\0" * 1000, "1 1," * 20_000, "市路5号" * 20_000, "a.@" * 20_000],
)
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    """A megabyte of digits, broken code points and endless beginnings are read to their end."""
    assert len(mask(text)) == len(text)


def test_checksums_are_loaded_only_when_a_number_asks_for_them() -> None:
    """Importing the module and reading a mobile number load no other library."""
    code = (
        "import sys; from jiyu.text.personal import find_personal; find_personal('13800138000');"
        "print([m for m in sys.modules if m.split('.')[0] == 'stdnum'])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
