import json

from bench.elements import additions, elements


def said(what: str, name: str, value: object, comment: str = "lse-1 99", table: str = "tercio") -> str:
    elem = {"set": [{"elem": {"val": value, "timeout": 5, "expires": 5, "comment": comment}}]}
    return json.dumps({what: {"element": {"family": "inet", "table": table, "name": name, "elem": elem}}})


def test_what_was_added_is_counted_by_command():
    link = {"concat": ["aa:bb:cc:dd:ee:ff", "10.0.0.1"]}
    lines = [
        said("add", "hosts4", "10.0.0.1"),
        said("add", "claimed_hosts4", link),
        said("delete", "hosts4", "10.0.0.1"),
        said("add", "hosts4", "10.0.0.1", "lse-1 120"),
        said("add", "hosts4", "10.0.0.1", "lse-1 120"),
        said("add", "hosts4", "10.0.0.1", table="another"),
        json.dumps({"add": {"table": {"family": "inet", "name": "tercio"}}}),
    ]
    assert additions(lines) == {
        ("hosts4", "10.0.0.1", "lse-1 99"): 1,
        ("claimed_hosts4", "aa:bb:cc:dd:ee:ff . 10.0.0.1", "lse-1 99"): 1,
        ("hosts4", "10.0.0.1", "lse-1 120"): 2,
    }


def test_what_stands_is_what_carries_a_lease_and_does_not_merely_outlive_one():
    item = {"elem": {"val": "10.0.0.1", "comment": "lse-1 99"}}
    sets = [
        {"set": {"name": "hosts4", "elem": [item]}},
        {"set": {"name": "wary_hosts4", "elem": [item]}},
        {"set": {"name": "never4", "elem": ["10.9.0.0/16", {"prefix": {"addr": "10.8.0.0", "len": 16}}]}},
        {"set": {"name": "hosts6"}},
        {"chain": {"name": "guard"}},
    ]
    assert elements(json.dumps({"nftables": sets})) == {("hosts4", "10.0.0.1", "lse-1 99")}
