"""The portal's methods with types, one file per group; each group hangs on `Portal` under its name.

A group takes a `Caller` and raises `B24Error` only. The models undo PHP's habits (see `b24client.php`).
"""
