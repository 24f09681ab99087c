from tercio.drills.simulated.dice import dice


def test_a_purpose_always_draws_the_same():
    assert [dice(7, "see").random() for _ in range(2)] == [dice(7, "see").random()] * 2


def test_purposes_and_seeds_draw_apart():
    assert len({dice(seed, what).random() for seed in (1, 2, 12) for what in ("see", "hand")}) == 6


def test_what_is_drawn_is_fixed_for_ever():
    # Published seeds must mean the same episodes on other machines and later versions of Python.
    assert round(dice(1, "a").random(), 12) == 0.087999098225
