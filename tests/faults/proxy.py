"""The product's fault proxy under the name that other tests know."""

from listener.sandbox.proxy import Proxy, before

__all__ = ["Proxy", "before"]
