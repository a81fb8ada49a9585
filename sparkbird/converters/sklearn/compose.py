"""sklearn.compose"""
