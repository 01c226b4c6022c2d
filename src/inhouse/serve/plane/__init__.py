"""The data plane: the wire surfaces of other vendors, as raw ASGI without a framework."""
