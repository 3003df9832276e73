"""The ways a call can move once people talk: one file for each, made of the call's verbs and requests."""
