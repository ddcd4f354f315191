/** Whoever runs the bundle has brought them. */
export {}
