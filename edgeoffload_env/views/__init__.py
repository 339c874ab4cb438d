"""One kernel behind four interfaces: parallel and AEC (PettingZoo), vector (B games at once), central (Gymnasium)."""
