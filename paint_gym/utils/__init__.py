"""Helpers that know no other part of the package: files, errors, images, devices, processes."""
