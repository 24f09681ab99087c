from tercio.drills.simulated.deeds import Deed


def test_a_deed_is_done_in_ones_own_name_unless_it_says_otherwise():
    own, other = Deed(at=0, actor="ws1"), Deed(at=0, actor="ws1", src="hmi1")
    assert (own.named, own.forged) == ("ws1", False)
    assert (other.named, other.forged) == ("hmi1", True)
    assert not Deed(at=0, actor="ws1", src="ws1").forged
