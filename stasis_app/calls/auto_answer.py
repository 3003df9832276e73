"""Having a desk phone answer by itself, for calls its user has ordered.

There is no one header for it. `Call-Info: <uri>;answer-after=0` comes from the early drafts of RFC 5373 and is
understood by most phones; the others look into Alert-Info. Sources: the administrators' guides of Yealink, Grandstream,
Snom, Fanvil, Cisco (SPA and Multiplatform) and Polycom. Most of these phones have the feature switched off or limited
at first; docs/outbound.md tells where.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stasis_app.settings import AutoAnswerStyle

_CALL_INFO = {"Call-Info": "<sip:auto-answer@localhost>;answer-after=0"}
_ALERT_INFO = {"Alert-Info": "<http://localhost>;info=alert-autoanswer;delay=0"}
_HEADERS: Mapping[AutoAnswerStyle, Mapping[str, str]] = {
    "off": {},
    "common": {**_CALL_INFO, **_ALERT_INFO},
    "yealink": _ALERT_INFO,
    "grandstream": _CALL_INFO,
    "snom": {**_CALL_INFO, **_ALERT_INFO},
    "fanvil": _ALERT_INFO,
    "cisco": _CALL_INFO,
    # Polycom compares the whole value with voIpProt.SIP.alertInfo.x.value of its configuration.
    "polycom": {"Alert-Info": "Auto Answer"},
}


@dataclass(frozen=True, slots=True)
class AutoAnswer:
    """Who has his phone answer by itself: `default`, and who differs from it by extension."""

    default: AutoAnswerStyle = "off"
    by_extension: Mapping[str, AutoAnswerStyle] = field(default_factory=dict)

    def variables(self, extension: str, wish: bool | None = None) -> dict[str, str]:
        """Channel variables that put the headers into the INVITE (chan_pjsip), none when the phone is to ring.

        `wish` is what the order says: False for no, True for yes even where it is off, None for what is configured.
        """
        style = self.by_extension.get(extension, self.default)
        if wish is False:
            return {}
        if wish and style == "off":
            style = "common"
        return {f"PJSIP_HEADER(add,{name})": value for name, value in _HEADERS[style].items()}
