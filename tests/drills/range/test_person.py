from tercio.drills.range.traces import Read, Request, Session, SignOn, Started

PERSON = "tercio.drills.range.person"


def test_a_person_looks_again_and_again_in_sessions_of_their_own_and_never_writes(stage):
    stage.start(PERSON, "--every", "0.05")
    stage.plc()
    stage.until(lambda: len(stage.records("person", Read)) >= 3)
    assert stage.end("person") == 0
    assert {each.answered for each in stage.records("person", Read)} == {True}
    assert {each.function for each in stage.records("plc", Request)} == {3}
    assert len([each for each in stage.records("plc", Session) if each.opened]) >= 3
    assert len(stage.records("person", Started)) == 1


def test_where_there_is_no_directory_nobody_signs_on(stage):
    stage.plc()
    stage.start(PERSON, "--directory", "127.0.0.1", "--passwords", str(stage.folder / "absent"), "--every", "0.05")
    stage.until(lambda: stage.records("person", Read))
    assert stage.records("person", SignOn) == []
