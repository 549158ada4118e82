"""
The restore drill: what is lost, and how long it takes, when the whole observation stack is gone.

`archive` packs a snapshot and checks it before anybody trusts it, `snapshot` takes one, `samples` tells two servers'
samples apart, `publish` feeds the DR rules with what was measured, and `drill` does it all in order.
"""
