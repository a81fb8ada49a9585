"""Machine code that is made when it is first needed, by llvmlite: forests on a CPU.

A kernel is a function for all models of its kind; a model is arrays that it reads. Steps that
are not a forest are unrolled for one row.
"""
