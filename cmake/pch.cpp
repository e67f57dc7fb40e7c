// Holds nothing: the precompiled header of every target is built from this file's target.
