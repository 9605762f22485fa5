"""What a machine offers, and what of it the plant wants to know.

`browsing` walks the address space within the server's limits and `watching` looks at values for a while: they speak to
the machine. What they found is judged by `companions` (types of companion specifications) and `plain` (name, data type,
unit, behaviour), put together in `proposals`, written as a tag map or a template by `maps`: all of these are pure.
Nothing is bound without a person: a proposal says why and how sure it is.
"""
