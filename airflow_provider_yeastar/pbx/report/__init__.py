"""Reports as the vendor defines them: types, parameters, times, ids and rows."""
