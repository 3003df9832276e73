"""The benchmarks run and tell what they promise to tell; the figures of such short runs mean nothing."""

from benchmarks import client, control, live, mirror, popup, told_calls


async def test_control_compares_three_ways_of_connecting_a_call():
    figures = await control.measure([5], 1, repeat=1, soak=0, hold=0, talk=0.2)

    runs = {run["variant"]: run for run in figures["runs"]}
    assert set(runs) == {"native", "aioari", "service"}
    for run in runs.values():
        assert (run["calls"], run["failed"], run["missing_in_crm"]) == (5, 0, 0)
        assert run["answer_ms"]["p50"] > 100  # the phone rings that long
    assert runs["service"]["client_cpu_ms_per_call"] > 0 == runs["native"]["client_cpu_ms_per_call"]


async def test_popup_finds_the_card_of_every_call():
    figures = await popup.measure([5], 1, hang=3)

    assert [run["hanging_request"] for run in figures["runs"]] == [False, True]
    for run in figures["runs"]:
        assert (run["calls"], run["failed"], run["cards_missing"]) == (5, 0, 0)
        assert run["own_part_ms"]["p50"] < run["ringing_to_card_ms"]["p50"]


def test_time_is_counted_once_however_many_requests_were_under_way():
    assert popup.overlap([(0, 2), (1, 3), (5, 9)], (1, 6)) == 3


async def test_client_compares_four_ways_of_asking_the_portal():
    figures = await client.measure(0.2)

    runs = {(run["client"], run["concurrency"]): run for run in figures["runs"]}
    assert set(runs) == {(name, n) for name in ("aiohttp", "b24client", "fast_bitrix24", "b24pysdk") for n in (1, 20)}
    for run in runs.values():
        assert run["requests"] >= run["concurrency"]
        assert run["cpu_ms_per_request"] > 0
    assert runs["aiohttp", 1]["cpu_times_aiohttp"] == 1
    assert [target["limit"] for target in figures["targets"]] == [1.3, 1.3]


async def test_mirror_compares_three_ways_of_telling_a_portal(monkeypatch):
    monkeypatch.setattr(told_calls, "RING_S", (2.0, 2.5))  # long enough for every card to come
    monkeypatch.setattr(told_calls, "TALK_S", (0.2, 0.5))

    figures = await mirror.measure(2, compare=1, rate=5, quiet=5, waiting=30)

    assert [run["client"] for run in figures["runs"]] == ["b24client", "in turn", "fast_bitrix24", "b24client, quiet"]
    assert figures["runs"][0]["calls"] == 10
    assert (figures["lost"], figures["refusals"], figures["backlog"]["lost"]) == (0, 0, 0)
    assert 0 < figures["card_p50_s"] <= figures["card_p95_s"]
    assert figures["requests_per_call"] > 0


async def test_live_finds_every_call_again_after_a_restart():
    figures = await live.measure(6, idle=1, standby=False)

    assert (figures["held"]["calls"], figures["held"]["failed"]) == (6, 0)
    (restarted,) = figures["adoptions"]
    assert (restarted["adopted"], restarted["talking"]) == (6, 6)
    assert 0 < restarted["seconds_from_websocket"] < restarted["seconds"]
    assert figures["crm"] == {"calls": 6, "doubled": 0, "missing": 0}
