"""Hold the built-in record shapes, written in the language of `fields`; names follow Confluent's datagen, flat."""

from __future__ import annotations

from typing import NamedTuple


class Quickstart(NamedTuple):
    fields: str
    key: str


QUICKSTARTS = {
    "users": Quickstart(
        "userid:numbered(User_), registertime:now, regionid:numbered(Region_,1,9), gender:choice(MALE|FEMALE|OTHER)",
        key="userid"),
    "orders": Quickstart(
        "orderid:sequence, ordertime:now, userid:ref(users.userid), itemid:numbered(Item_,1,999), "
        "orderunits:float(0.1,10,1), city:choice(Amsterdam|Lagos|Lima|Mumbai|Oslo|Seoul|Tallinn|Toronto)",
        key="orderid"),
    "pageviews": Quickstart(
        "viewtime:sequence, userid:ref(users.userid), pageid:numbered(Page_,1,99)",
        key="viewtime"),
}
