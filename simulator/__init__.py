"""Loopback stand-ins for the platforms' public APIs: the embedded default's source, and the tests'.

What belongs here: servers that speak a platform's protocol, and the stories that they tell. What
does not: anything that the pipeline imports. Only tests and the run command start it, as a
process of its own (``python -m simulator``).
"""
