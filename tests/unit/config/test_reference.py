from connectrt.config.definition import ConfigDef, Importance, Type, Width, key
from connectrt.config.reference import key_json, markdown
from connectrt.config.validators import at_least

DEFINITION = ConfigDef(
    key("b.late", Type.INT, 5, valid=at_least(1), importance=Importance.LOW, group="Two", doc="One\n| two."),
    key("a", Type.STRING, group="One", importance=Importance.HIGH, doc="Needed."),
    key("secret", Type.PASSWORD, "geheim", group="Two", doc="Hidden."),
    key("plain", Type.LIST, "", doc="Many."),
    key("nothing", Type.CLASS, None))


def test_markdown_has_a_table_per_group_with_all_that_the_definition_says() -> None:
    assert markdown(DEFINITION) == """\
| Key | Type | Default | Values | Importance | Meaning |
|---|---|---|---|---|---|
| `nothing` | class |  |  | medium |  |
| `plain` | list | empty |  | medium | Many. |

### Two

| Key | Type | Default | Values | Importance | Meaning |
|---|---|---|---|---|---|
| `b.late` | int | `5` | [1,...] | low | One \\| two. |
| `secret` | password | `[hidden]` |  | medium | Hidden. |

### One

| Key | Type | Default | Values | Importance | Meaning |
|---|---|---|---|---|---|
| `a` | string | **required** |  | high | Needed. |
"""


def test_json_of_a_key_has_javas_names() -> None:
    one = key("k", Type.LONG, 1, group="G", width=Width.SHORT, display_name="K", dependents=["x"], doc="d")
    assert key_json(ConfigDef(one)["k"]) == {
        "name": "k", "type": "LONG", "required": False, "default_value": "1", "importance": "MEDIUM",
        "documentation": "d", "group": "G", "order_in_group": 1, "width": "SHORT", "display_name": "K",
        "dependents": ["x"]}
    assert key_json(key("r", Type.STRING))["default_value"] is None
    assert key_json(DEFINITION["secret"])["default_value"] == "[hidden]"
