"""The kinds of departments a made-up company has, what they are called and how they nest."""

from typing import Final

import msgspec


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of department: how many children it likes to have, of which kinds, and what it is called."""

    fan_out: float
    children: tuple[str, ...]
    zh: tuple[str, ...]
    en: tuple[str, ...]


# Names of kinds that can be siblings never repeat each other, so that siblings stay unique.
KINDS: Final[dict[str, Kind]] = {
    "company": Kind(fan_out=14, children=("function", "division", "region"), zh=(), en=()),
    "function": Kind(
        fan_out=5,
        children=("section",),
        zh=(
            "财务部",
            "人力资源部",
            "法务部",
            "信息技术部",
            "采购部",
            "质量部",
            "战略发展部",
            "审计部",
            "品牌部",
            "行政部",
        ),
        en=(
            "Finance",
            "People",
            "Legal",
            "Information Technology",
            "Procurement",
            "Quality",
            "Strategy",
            "Audit",
        ),
    ),
    "division": Kind(
        fan_out=6,
        children=("plant", "laboratory"),
        zh=(
            "智能装备事业部",
            "新材料事业部",
            "能源事业部",
            "汽车电子事业部",
            "消费产品事业部",
            "工业软件事业部",
        ),
        en=(
            "Machinery Division",
            "Materials Division",
            "Energy Division",
            "Mobility Division",
            "Software Division",
        ),
    ),
    "region": Kind(
        fan_out=6,
        children=("branch",),
        zh=("华东大区", "华南大区", "华北大区", "华中大区", "西南大区", "西北大区", "东北大区", "海外大区"),
        en=(
            "East Region",
            "South Region",
            "North Region",
            "Central Region",
            "West Region",
            "Overseas Region",
        ),
    ),
    "plant": Kind(
        fan_out=5,
        children=("workshop",),
        zh=("苏州工厂", "东莞工厂", "成都工厂", "武汉工厂", "天津工厂", "合肥工厂", "宁波工厂", "长沙工厂"),
        en=(
            "Ashford Plant",
            "Bramley Plant",
            "Coldwater Plant",
            "Dunmore Plant",
            "Eastlake Plant",
            "Fairmont Plant",
        ),
    ),
    "laboratory": Kind(
        fan_out=4,
        children=("project",),
        zh=("先进工艺研究所", "材料研究所", "控制技术研究所", "测试中心", "仿真中心"),
        en=(
            "Process Laboratory",
            "Materials Laboratory",
            "Controls Laboratory",
            "Test Centre",
            "Simulation Centre",
        ),
    ),
    "branch": Kind(
        fan_out=4,
        children=("office",),
        zh=(
            "上海分公司",
            "深圳分公司",
            "北京分公司",
            "重庆分公司",
            "西安分公司",
            "沈阳分公司",
            "杭州分公司",
            "广州分公司",
        ),
        en=("Harbour Branch", "Midland Branch", "Riverside Branch", "Lakeside Branch", "Summit Branch"),
    ),
    "workshop": Kind(
        fan_out=4,
        children=("line",),
        zh=("装配车间", "机加工车间", "焊接车间", "涂装车间", "注塑车间", "包装车间", "质检车间", "仓储车间"),
        en=(
            "Assembly",
            "Machining",
            "Welding",
            "Painting",
            "Moulding",
            "Packaging",
            "Inspection",
            "Warehouse",
        ),
    ),
    "office": Kind(
        fan_out=4,
        children=("section",),
        zh=("南山办事处", "浦东办事处", "滨江办事处", "高新办事处", "开发区办事处"),
        en=("Old Town Office", "Station Office", "Park Office", "Airport Office"),
    ),
    "project": Kind(
        fan_out=3,
        children=("section",),
        zh=("一号项目组", "二号项目组", "三号项目组", "预研项目组"),
        en=("Project Alder", "Project Birch", "Project Cedar", "Project Dogwood"),
    ),
    "line": Kind(
        fan_out=3,
        children=("shift",),
        zh=("一线", "二线", "三线", "四线", "柔性线"),
        en=("Line A", "Line B", "Line C", "Line D", "Flexible Line"),
    ),
    "section": Kind(
        fan_out=3,
        children=("team",),
        zh=("销售科", "服务科", "计划科", "核算科", "培训科", "运维科", "合规科"),
        en=("Sales Section", "Service Section", "Planning Section", "Accounts Section", "Support Section"),
    ),
    "shift": Kind(
        fan_out=2.5,
        children=("team",),
        zh=("早班", "中班", "夜班"),
        en=("Morning Shift", "Late Shift", "Night Shift"),
    ),
    "team": Kind(
        fan_out=0,
        children=(),
        zh=("甲组", "乙组", "丙组", "丁组"),
        en=("Team 1", "Team 2", "Team 3", "Team 4"),
    ),
}
