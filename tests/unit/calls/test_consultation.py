"""Attended transfer: every stage against everything that may happen, cell by cell."""

import pytest

from stasis_app.calls.facts import TransferResult as R
from stasis_app.calls.moves.consultation import Do, Happening, Stage, follows

# For each stage a row: what happens -> what follows, as "what is done => stage or result"; "-" is not possible there.
MATRIX = {
    Stage.RINGING: {
        "the target answers": "CONSULT => talking",
        "the target does not answer": "RETURN => unanswered",
        "the target hangs up": "-",
        "the transferrer hangs up": "=> left",
        "the customer hangs up": "RELEASE_TARGET, RELEASE_TRANSFERRER => abandoned",
        "complete": "RELEASE_TRANSFERRER => left",
        "cancel": "RELEASE_TARGET, RETURN => cancelled",
        "conference": "-",
        "swap": "-",
    },
    Stage.TALKING: {
        "the target answers": "-",
        "the target does not answer": "-",
        "the target hangs up": "RETURN => cancelled",
        "the transferrer hangs up": "GIVE => completed",
        "the customer hangs up": "TALK_ON => abandoned",
        "complete": "GIVE, RELEASE_TRANSFERRER => completed",
        "cancel": "RELEASE_TARGET, RETURN => cancelled",
        "conference": "GATHER => conference",
        "swap": "HOLD_TARGET, RETURN => swapped",
    },
    Stage.SWAPPED: {
        "the target answers": "-",
        "the target does not answer": "-",
        "the target hangs up": "=> cancelled",
        "the transferrer hangs up": "GIVE => completed",
        "the customer hangs up": "CONSULT, TALK_ON => abandoned",
        "complete": "GIVE, RELEASE_TRANSFERRER => completed",
        "cancel": "RELEASE_TARGET => cancelled",
        "conference": "GATHER => conference",
        "swap": "HOLD_CUSTOMER, CONSULT => talking",
    },
    Stage.LEFT: {
        "the target answers": "GIVE => completed",
        "the target does not answer": "BRING_BACK => unanswered",
        "the target hangs up": "-",
        "the transferrer hangs up": "-",
        "the customer hangs up": "RELEASE_TARGET => abandoned",
        "complete": "-",
        "cancel": "-",
        "conference": "-",
        "swap": "-",
    },
}
CELLS = [(stage, happening) for stage in Stage for happening in Happening]


@pytest.mark.parametrize(("stage", "happening"), CELLS)
def test_every_cell(stage: Stage, happening: Happening):
    following = follows(stage, happening)
    told = "-"
    if following is not None:
        told = f"{', '.join(one.name for one in following.do)} => {following.stage or following.result}".strip()

    assert told == MATRIX[stage][happening]


@pytest.mark.parametrize(("stage", "happening"), CELLS)
def test_nobody_is_left_alone_when_it_ends(stage: Stage, happening: Happening):
    following = follows(stage, happening)
    if following is None or following.result is None:
        return
    together = {Do.RETURN, Do.GIVE, Do.GATHER, Do.BRING_BACK, Do.TALK_ON}
    with_the_customer_already = stage is Stage.SWAPPED and following.result is R.CANCELLED
    gone = happening is Happening.CUSTOMER_LEAVES
    assert together & set(following.do) or with_the_customer_already or gone
