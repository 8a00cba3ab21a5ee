"""Networks: actors that paint, critics that judge. None knows an algorithm."""
