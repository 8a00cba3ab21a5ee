"""The environment in the interfaces of other libraries, each imported only by its own module."""
