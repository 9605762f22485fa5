"""Files of rows, CSV or XLSX: master data and orders, each row judged by itself, by a mapping of columns to fields."""
