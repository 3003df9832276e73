"""queue: wait in a line until an agent is free."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from stasis_app.crm import Mark
from stasis_app.flow.element import Element, Foretold, Leads, Next, Outcome, Prompts
from stasis_app.flow.prospect import Prospect
from stasis_app.flow.queueing import Stay
from stasis_app.flow.step import Step
from stasis_app.flow.told_settings import Setting, settings_on
from stasis_app.queues import AgentState, AgentView, QueueSettings, Strategy

Extension = Annotated[str, Field(pattern=r"^\d{1,11}$")]


class Queue(Element):
    """Lets the caller wait, with music and announcements, until an agent takes his call."""

    kind: ClassVar[str] = "queue"

    agents: tuple[Extension, ...] = Field(
        default=(), max_length=200, description='extensions as strings of digits, for example ["101", "102"]'
    )
    strategy: Strategy = Field(
        default=Strategy.RING_ALL,
        description='"ring_all", "linear", "round_robin", "least_recent", "fewest_calls" or "random"',
    )
    ring_seconds: float = Field(default=15.0, gt=0, le=600, description="seconds from 0 to 600 an agent's phone rings")
    retry: float = Field(
        default=5.0, ge=1, le=600, description="seconds from 1 to 600 an agent who did not answer is left alone"
    )
    wrap_up: float = Field(default=0.0, ge=0, le=3600, description="seconds up to 3600 an agent has after a call")
    follow_working_day: bool = Field(
        default=False, description="true leaves out agents who closed or paused their working day in Bitrix24"
    )
    follow_forwards: bool = Field(
        default=False, description="true rings agents who forward all their calls where they forward them to"
    )
    timeout: float = Field(default=300.0, gt=0, le=86400, description="seconds a caller waits at most, up to 86400")
    max_callers: int | None = Field(default=None, ge=1, description="how many may wait; left out: any number")
    music: str = Field(
        default="", pattern=r"^[A-Za-z0-9_-]*$", description="a class of Asterisk's music on hold; left out: the usual"
    )
    greeting: Prompts = Field(default=(), description="a list of prompts played once, before the position")
    announce_position: bool = Field(default=True, description="true tells the caller his position in the line")
    announce_wait: bool = Field(default=True, description="true tells him how long he will wait, once that is known")
    announce_every: float = Field(
        default=60.0, ge=0, le=3600, description="seconds between two announcements, 0 for one at the beginning only"
    )
    first: tuple[Mark, ...] = Field(
        default=(), description='a list of what makes a client go first, for example ["vip", "open_deal"]'
    )
    vip_field: str = Field(
        default="UF_CRM_VIP",
        pattern=r"^[A-Z0-9_]{1,100}$",
        description="the field of contacts, companies and leads that says who is VIP, for example TYPE_ID",
    )
    vip_values: tuple[str, ...] = Field(
        default=("1", "Y"), min_length=1, description='the values of vip_field that mean VIP, for example ["VIP"]'
    )
    call_back_key: str = Field(
        default="", pattern=r"^[0-9*#]?$", description="the key to be called back instead of waiting; left out: none"
    )
    call_back_offer: Prompts = Field(
        default=("vm-tocallback", "vm-press"), description="a list of prompts that offer it; the key is said last"
    )
    call_back_number: Prompts = Field(default=("vm-num-i-have",), description="a list of prompts before his number")
    call_back_confirm: Prompts = Field(
        default=("if-correct-press", "digits:1"), description="a list of prompts after it; 1 confirms"
    )
    call_back_enter: Prompts = Field(
        default=("vm-enter-num-to-call", "vm-then-pound"), description="a list of prompts that ask for another number"
    )
    call_back_thanks: Prompts = Field(
        default=("auth-thankyou", "goodbye"), description="a list of prompts played when it is settled"
    )
    call_back_attempts: int = Field(default=3, ge=1, le=20, description="how often he is called at most, 1 to 20")
    call_back_pause: float = Field(
        default=300.0, ge=10, le=86400, description="seconds from 10 to 86400 between two attempts"
    )
    on_timeout: Next = Field(description="the element for a caller who has waited long enough")
    on_full: Annotated[str | None, Leads()] = Field(
        default=None, description="the element when max_callers wait already; on_timeout when left out"
    )
    on_empty: Annotated[str | None, Leads()] = Field(
        default=None, description="the element when no agent serves the queue; left out: he waits all the same"
    )

    def settings(self) -> QueueSettings:
        """What the queue itself has to know."""
        return QueueSettings(
            agents=tuple(dict.fromkeys(self.agents)),
            strategy=self.strategy,
            retry=self.retry,
            wrap_up=self.wrap_up,
            follow_working_day=self.follow_working_day,
            follow_forwards=self.follow_forwards,
            call_back_attempts=self.call_back_attempts,
            call_back_pause=self.call_back_pause,
        )

    def prompts_named(self) -> Iterator[tuple[str, str]]:
        """Those of the call-back are played only where there is one."""
        for key, prompt in super().prompts_named():
            if self.call_back_key or not key.startswith("call_back_"):
                yield key, prompt

    async def run(self, step: Step) -> str | None:
        return await Stay(self, step).run()

    async def foretell(self, prospect: Prospect) -> Foretold:
        queue = prospect.context.queues.queue(prospect.element, self.settings())
        view = queue.view()
        people = prospect if self.follow_forwards else prospect.at_their_phones()
        notes, settings = list[str](), list[Setting]()
        for agent in view.agents:
            notes.append(f"{people.who(agent.extension)}: {await _in_words(agent, people)}")
            if agent.state is AgentState.FREE:
                way = await people.way(agent.extension, always_only=True)
                settings += await settings_on(way, people, after_ringing=False)
        notes.append(f"{len(view.waiting)} wait in the line" if view.waiting else "nobody waits in the line")
        ways = [
            Outcome("an agent answers: they talk, then the call is over"),
            Outcome(f"he has waited {self.timeout:g} s", self.on_timeout),
        ]
        takes = None
        if self.max_callers is not None:
            ways.append(Outcome(f"{self.max_callers} wait already", self.on_full or self.on_timeout))
            if len(view.waiting) >= self.max_callers:
                takes = ways[-1]
        if self.on_empty is not None:
            ways.append(Outcome("no agent serves the queue", self.on_empty))
            if queue.empty and takes is None:
                takes = ways[-1]
        if self.call_back_key:
            ways.append(Outcome(f"presses {self.call_back_key}: he is called back, the call is over"))
        weights = f"; {', '.join(self.first)} first" if self.first else ""
        does = f"lets him wait for an agent ({self.strategy}, {self.ring_seconds:g} s each{weights})"
        return Foretold(does, tuple(ways), takes, tuple(notes), tuple(dict.fromkeys(settings)))


async def _in_words(agent: AgentView, prospect: Prospect) -> str:
    """What an agent does; of one who could be rung, what his phone says."""
    if agent.state is AgentState.FREE:
        return str(await prospect.phone(agent.extension))
    return agent.state.value.replace("_", " ")
