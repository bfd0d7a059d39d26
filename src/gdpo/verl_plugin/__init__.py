"""Everything of ours that enters stock veRL, through its extension points only.

This file stays empty of imports: Ray worker processes that need no veRL import submodules of this package.
"""
