"""The service between an Asterisk PBX and the Bitrix24 CRM."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("stasis-bitrix24")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"
