from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tercio.store.keys import KeyUnusable, public_bytes, read_public, signing_key


def test_a_key_is_made_on_first_use_and_kept(tmp_path: Path):
    path = tmp_path / "journal.key"
    key = signing_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert public_bytes(signing_key(path)) == public_bytes(key) == read_public(tmp_path / "journal.pub")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["journal.key", "journal.pub"]


def test_two_folders_have_two_keys(tmp_path: Path):
    assert public_bytes(signing_key(tmp_path / "a.key")) != public_bytes(signing_key(tmp_path / "b.key"))


def test_a_lost_public_half_is_written_again(tmp_path: Path):
    key = signing_key(tmp_path / "journal.key")
    (tmp_path / "journal.pub").unlink()
    signing_key(tmp_path / "journal.key")
    assert read_public(tmp_path / "journal.pub") == public_bytes(key)


def test_a_draft_left_by_a_crash_is_no_hindrance(tmp_path: Path):
    (tmp_path / "journal.key.new").write_bytes(b"half a k")
    signing_key(tmp_path / "journal.key")
    assert not (tmp_path / "journal.key.new").exists()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path):
    path = tmp_path / "journal.key"
    signing_key(path)
    path.chmod(0o640)
    with pytest.raises(KeyUnusable, match=f"chmod 600 {path}"):
        signing_key(path)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, content: bytes):
    path = tmp_path / "journal.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyUnusable, match="no private key") as caught:
        signing_key(path)
    assert not content or content.decode() not in str(caught.value)
    (tmp_path / "journal.pub").write_bytes(content)
    with pytest.raises(KeyUnusable, match="no public key"):
        read_public(tmp_path / "journal.pub")


def test_a_key_of_another_kind_is_refused(tmp_path: Path):
    other = generate_private_key(SECP256R1())
    path = tmp_path / "journal.key"
    pem = serialization.Encoding.PEM
    path.write_bytes(other.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    path.chmod(0o600)
    with pytest.raises(KeyUnusable, match="another kind"):
        signing_key(path)
    public = other.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "journal.pub").write_bytes(public)
    with pytest.raises(KeyUnusable, match="another kind"):
        read_public(tmp_path / "journal.pub")


def test_a_missing_file_or_folder_is_said(tmp_path: Path):
    with pytest.raises(KeyUnusable, match="No such file"):
        read_public(tmp_path / "journal.pub")
    with pytest.raises(KeyUnusable, match="Make the folder writable"):
        signing_key(tmp_path / "absent" / "journal.key")
