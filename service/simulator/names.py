"""Word lists for made-up companies and people in Chinese and English; no real firm or person is meant."""

from typing import Final, Literal

Tongue = Literal["zh", "en"]


def _chinese(listed: str) -> tuple[tuple[str, str], ...]:
    return tuple((item[0], item[1:]) for item in listed.split())


def _english(beginnings: str, endings: str) -> tuple[tuple[str, str], ...]:
    words = (first + last for first in beginnings.split() for last in endings.split())
    return tuple((word, word.lower()) for word in words)


COMPANIES: Final[dict[Tongue, tuple[tuple[str, str], ...]]] = {
    "zh": (
        ("深圳星河制造有限公司", "xinghe"),
        ("青石精工股份有限公司", "qingshi"),
        ("云帆装备集团有限公司", "yunfan"),
        ("远山材料科技有限公司", "yuanshan"),
    ),
    "en": (
        ("Northwind Fabrication Ltd", "northwind-fabrication"),
        ("Bluestone Works plc", "bluestone-works"),
        ("Larkfield Industries Ltd", "larkfield"),
    ),
}

# (written, romanised) pairs: a user name is made from the second half.
SURNAMES: Final[dict[Tongue, tuple[tuple[str, str], ...]]] = {
    "zh": _chinese(
        "王wang 李li 张zhang 刘liu 陈chen 杨yang 赵zhao 黄huang 周zhou 吴wu 徐xu 孙sun 胡hu "
        "朱zhu 高gao 林lin 何he 郭guo 马ma 罗luo 梁liang 宋song 郑zheng 谢xie 韩han 唐tang "
        "冯feng 于yu 董dong 萧xiao "
    ),
    "en": _english(
        "Ash Bram Cald Dun El Farn Hart Kel Lang Mar Nor Oak", "bourne dale field ford ham ley more well"
    ),
}
GIVEN: Final[dict[Tongue, tuple[tuple[str, str], ...]]] = {
    "zh": _chinese(
        "芳fang 伟wei 静jing 磊lei 洋yang 艳yan 勇yong 杰jie 娟juan 涛tao 明ming 霞xia "
        "刚gang 平ping 辉hui 玲ling 桂gui 英ying 丹dan 萍ping 鹏peng 华hua 红hong 鑫xin 宇yu "
        "浩hao 然ran 欣xin 怡yi 晨chen "
    ),
    "en": _english("Al Bel Cor Da Em Fe Jo Mi Ro Ta", "den la lin ra ric ron sa ven"),
}
POSITIONS: Final[dict[Tongue, tuple[str, ...]]] = {
    "zh": (
        "操作员",
        "工艺/装配工程师",
        "质检员",
        "班组长",
        "项目经理",
        "会计",
        "销售代表",
        "运维工程师",
        "采购员",
    ),
    "en": (
        "Operator",
        "Process Engineer",
        "Inspector",
        "Team Lead",
        "Project Manager",
        "Accountant",
        "Buyer",
    ),
}
ADMIN_POSITION: Final[dict[Tongue, str]] = {"zh": "系统管理员", "en": "System Administrator"}
PLACES: Final[dict[Tongue, tuple[str, ...]]] = {
    "zh": ("深圳", "苏州", "上海", "成都", "武汉"),
    "en": ("Ashford", "Bramley", "Eastlake", "Fairmont"),
}
