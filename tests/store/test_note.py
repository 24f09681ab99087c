import base64
import string

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tercio.store.keys import public_bytes
from tercio.store.merkle import EMPTY, leaf_hash
from tercio.store.note import key_id, origin_name, parse, read, sign

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = public_bytes(KEY)
ROOT = leaf_hash(b"a root")
BESIDE = bytes(range(48))
NOTE = sign("plant-7", 20852163, ROOT, BESIDE, KEY).note


def test_a_note_has_origin_size_root_what_lies_beside_and_signature_in_lines():
    lines = NOTE.split("\n")
    assert lines[:2] == ["plant-7", "20852163"]
    assert base64.b64decode(lines[2]) == ROOT
    assert lines[3] == f"beside {base64.b64encode(BESIDE).decode()}"
    assert not lines[4]
    assert lines[5].startswith("— plant-7 ")
    assert lines[6:] == [""]
    signed = base64.b64decode(lines[5].split(" ")[2])
    KEY.public_key().verify(signed[4:], "\n".join([*lines[:4], ""]).encode())


def test_the_key_id_of_a_published_key():
    # The verifier key that the documentation of Go's signed notes shows.
    public = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    assert key_id("PeterNeumann", public).hex() == "c74f20a3"


def test_what_is_signed_is_read():
    assert read(NOTE, PUBLIC) == sign("plant-7", 20852163, ROOT, BESIDE, KEY) == parse(NOTE)
    empty = sign("plant-7", 0, EMPTY, BESIDE, KEY)
    assert read(empty.note, PUBLIC) == empty


@given(st.integers(0, len(NOTE) - 1), st.sampled_from(string.printable + "—é\0"))
def test_any_changed_character_is_found(at: int, other: str):
    if NOTE[at] == other:
        return
    with pytest.raises(ValueError, match=r"\w"):
        read(NOTE[:at] + other + NOTE[at + 1 :], PUBLIC)


@given(st.integers(0, len(NOTE) - 1))
def test_any_missing_character_is_found(at: int):
    with pytest.raises(ValueError, match=r"\w"):
        read(NOTE[:at] + NOTE[at + 1 :], PUBLIC)


@given(st.text())
def test_no_text_makes_it_stumble(text: str):
    with pytest.raises(ValueError, match="not laid out"):
        parse(text)


def test_spare_bits_of_base64_are_found():
    lines = NOTE.split("\n")
    # 32 bytes leave two bits of the last character unused: another character decodes to the same root.
    spare = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    twin = spare[spare.index(lines[2][-2]) ^ 1]
    changed = lines[2][:-2] + twin + "="
    assert base64.b64decode(changed) == ROOT
    with pytest.raises(ValueError, match="its one form"):
        read(NOTE.replace(lines[2], changed), PUBLIC)


def test_another_key_is_named_as_the_reason():
    with pytest.raises(ValueError, match="another key"):
        read(NOTE, public_bytes(Ed25519PrivateKey.generate()))


@pytest.mark.parametrize(
    ("text", "meant"),
    [("Plant 7", "Plant-7"), ("a + b\n", "a-b"), ("工厂 7", "工厂-7"), ("plant-7", "plant-7"), ("a\0b", "a-b")],
)
def test_a_site_s_name_becomes_an_origin(text: str, meant: str):
    assert origin_name(text) == meant
    assert read(sign(meant, 1, ROOT, BESIDE, KEY).note, PUBLIC).origin == meant


@pytest.mark.parametrize("text", ["", "  ", "+", "\n"])
def test_a_name_of_nothing_is_refused(text: str):
    with pytest.raises(ValueError, match="give the site a name"):
        origin_name(text)
