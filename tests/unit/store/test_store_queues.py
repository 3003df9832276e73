"""Queues on disk."""

from stasis_app.settings import StorageSettings
from stasis_app.store import AgentRow, CallBackRow, MembershipRow, open_store


def call_back(order: str, state: str) -> CallBackRow:
    return CallBackRow(
        id=order,
        queue="sales",
        number="+79161234567",
        line="74951230000",
        since=1000.5,
        weight=2,
        attempts=1,
        not_before=2000.5,
        state=state,
        call_id="",
        agent="",
    )


async def test_what_is_kept_of_queues_comes_back_and_what_is_over_is_forgotten(storage_url):
    settings = StorageSettings(url=storage_url)
    agent = AgentRow(
        extension="101",
        paused=True,
        reason="lunch",
        changed_at=10.0,
        wrap_up_until=20.5,
        calls=3,
        last_call_at=15.0,
        on_call="1.0",
        on_queue="sales",
    )
    membership = MembershipRow(queue="sales", extension="101", signed_in=False, changed_at=10.0)
    store = await open_store(settings)
    store.queues.keep_agent({**agent, "paused": False})
    store.queues.keep_agent(agent)
    store.queues.keep_membership(membership)
    for order, state in (("1.0", "waiting"), ("2.0", "calling"), ("3.0", "done"), ("4.0", "given_up")):
        store.queues.keep_call_back(call_back(order, state))
    await store.close()

    again = await open_store(settings)
    found = await again.queues.load()
    await again.close()

    assert found == ([agent], [membership], [call_back("1.0", "waiting"), call_back("2.0", "calling")])
