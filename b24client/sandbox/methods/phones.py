"""`voximplant.user.get`: the employees' telephony settings.

https://apidocs.bitrix24.com/api-reference/telephony/voximplant/users/voximplant-user-get.html
"""

from __future__ import annotations

from typing import Any

from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.wire import RestError

_NAME = "voximplant.user.get"


@method(_NAME, "telephony")
async def user_get(context: Context) -> Any:
    """Settings by user; an application needs an administrator's word for it first."""
    _confirmed(context)
    if context.params.get("USER_ID") is None:
        raise RestError(400, "", "Parameter USER_ID is not set")
    people = context.sandbox.people
    caller = people.user(context.visitor.user_id)
    if caller is None or not caller.admin:
        raise RestError(403, "ACCESS_DENIED", "Access denied! You have no permission to query selected users")
    users = [user for number in context.params.numbers("USER_ID") if (user := people.user(number))]
    return [
        {
            "ID": str(user.id),
            "DEFAULT_LINE": None,
            "PHONE_ENABLED": "N",
            "SIP_SERVER": None,
            "SIP_LOGIN": f"phone{user.id}",
            "SIP_PASSWORD": None,
            "INNER_NUMBER": user.extension or None,
        }
        for user in users
    ]


def _confirmed(context: Context) -> None:
    """Raises RestError unless the method is allowed to the application."""
    if not context.visitor.app:
        return
    answer = context.sandbox.confirmations.get(_NAME)
    if answer is None:
        raise RestError(401, "METHOD_CONFIRM_WAITING", "Waiting for confirmation")
    if not answer:
        raise RestError(403, "METHOD_CONFIRM_DENIED", "Method call denied")
