"""The wall: one area on a television, readable at eight metres, abnormal machines first."""
