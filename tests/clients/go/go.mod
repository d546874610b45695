module generated-client

go 1.19

require github.com/generated/client v0.0.0

// A test copies this module to a folder next to the client that openapi-generator generates.
replace github.com/generated/client => ./generated
