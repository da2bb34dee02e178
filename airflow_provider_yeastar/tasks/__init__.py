"""What operators and sensors share: their arguments, the wait, and the file at its destination."""
