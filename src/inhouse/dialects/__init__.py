"""How each wire protocol spells a chat, in both directions; values in, values out.

Every dialect has the same pairs, read_ and write_ of request, reply, event and error; a pair that no
side of the house needs yet is not there. Events come and go piece by piece, so their pair is a class:
`EventReader.read(bytes)` and `EventWriter.write(event)`. Knows neither the caller, nor the engine, nor
what anything costs.
"""
