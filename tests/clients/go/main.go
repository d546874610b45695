// Does a backend's work with the client that openapi-generator generates from the view jsonapi.json.
//
// usage: generated-client URL FAILING_URL
//
// Prints its results, as jsonapi_client.mjs does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	memory "github.com/generated/client"
)

const (
	repository = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
	kind       = "memories"
)

func client(url string) *memory.MemoriesAPIService {
	configuration := memory.NewConfiguration()
	configuration.Servers = memory.ServerConfigurations{{URL: url}}
	return memory.NewAPIClient(configuration).MemoriesAPI
}

func attributes(content string, timestamp string) memory.MemoryAttributes {
	attributes := memory.NewMemoryAttributes(content, repository)
	attributes.SetMemoryType("habit")
	attributes.SetTags([]string{"a", "b"})
	instant, err := time.Parse(time.RFC3339, timestamp)
	must(err)
	attributes.SetTimestamp(instant)
	return *attributes
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func send(url string, attributes memory.MemoryAttributes) (*memory.MemoryDocument, error) {
	document := memory.NewMemoryCreateDocument(*memory.NewMemoryCreate(kind, attributes))
	stored, _, err := client(url).StoreMemory(context.Background()).MemoryCreateDocument(*document).Execute()
	return stored, err
}

// Returns the text of a failure.
func failure(url string, attributes memory.MemoryAttributes) string {
	_, err := send(url, attributes)
	var refused *memory.GenericOpenAPIError
	if !errors.As(err, &refused) {
		panic("nothing was refused")
	}
	var document memory.ErrorDocument
	must(json.Unmarshal(refused.Body(), &document))
	words := []string{}
	for _, fault := range document.Errors {
		words = append(words, fault.Code+" "+fault.Detail)
	}
	return strings.Join(words, " ")
}

// What a call came to: a status, or the HTTP status of a refusal; and the tag of the state that was seen.
type told struct{ word, tag string }

func of(changed *memory.ChangedDocument, response *http.Response, err error) told {
	if err != nil {
		return refusal(response)
	}
	return told{changed.Meta.Status, response.Header.Get("ETag")}
}

func refusal(response *http.Response) told {
	return told{fmt.Sprint(response.StatusCode), response.Header.Get("ETag")}
}

// Takes a memory through its life.
func life(api *memory.MemoriesAPIService, id string) []string {
	ctx := context.Background()
	patch := func(status string, tag string) told {
		change := memory.NewMemoryChange(kind, id, *memory.NewMemoryChangeAttributes(status))
		document := memory.NewMemoryChangeDocument(*change)
		meta := memory.NewChangeMeta()
		meta.SetReason("Checked.")
		document.SetMeta(*meta)
		request := api.ChangeMemory(ctx, id).MemoryChangeDocument(*document).FilterRepositoryId(repository)
		if tag != "" {
			request = request.IfMatch(tag)
		}
		return of(request.Execute())
	}
	remove := func() told { return of(api.DeleteMemory(ctx, id).FilterRepositoryId(repository).Execute()) }
	verified, locked := patch("verified", ""), patch("locked", "")
	kept, unseen, stale := remove(), patch("verified", ""), patch("verified", `"0-1j"`)
	unlocked, deleted := patch("verified", locked.tag), remove()
	_, response, _ := api.GetMemory(ctx, id).FilterRepositoryId(repository).Execute()
	gone := refusal(response)
	restored := patch("unverified", gone.tag)
	words := []string{}
	for _, step := range []told{verified, locked, kept, unseen, stale, unlocked, deleted, gone, restored} {
		words = append(words, step.word)
	}
	return words
}

func main() {
	base, failing := os.Args[1], os.Args[2]
	ctx, api := context.Background(), client(base)
	first := attributes("Rob prefers mornings. „☃“", "2026-01-27T03:14:22Z")
	faulty := attributes("x", "1969-12-31T00:00:00Z")
	faulty.SetMemoryType(strings.Repeat("é", 76))

	stored, err := send(base, first)
	must(err)
	again, err := send(base, first)
	must(err)
	_, err = send(base, attributes("Rob drinks tea.", "2026-01-28T03:14:22Z"))
	must(err)
	id := stored.Data.Id

	search, _, err := api.SearchMemories(ctx).FilterQuery("mornings").FilterRepositoryId(repository).Execute()
	must(err)
	found, listed := []string{}, []string{}
	for _, hit := range search.Data {
		found = append(found, hit.Id)
	}
	page := api.ListMemories(ctx).FilterRepositoryId(repository).PageLimit(1)
	newest, _, err := page.Execute()
	must(err)
	// `links.next` is a reference: its query has the cursor.
	next, err := url.Parse(newest.Links.Next)
	must(err)
	oldest, _, err := page.PageAfter(next.Query().Get("page[after]")).Execute()
	must(err)
	for _, one := range append(newest.Data, oldest.Data...) {
		listed = append(listed, one.Attributes.Content)
	}
	got, _, err := api.GetMemory(ctx, id).FilterRepositoryId(repository).Execute()
	must(err)

	seen := map[string]any{
		"id":       id,
		"s3_key":   stored.Data.Meta.S3Key,
		"repeated": again.Data.Id,
		"refused":  failure(base, faulty),
		"failed":   failure(failing, first),
		"found":    found,
		"listed":   listed,
		"got":      got.Data.Attributes.Content,
		"changed":  life(api, id),
	}
	must(json.NewEncoder(os.Stdout).Encode(seen))
}
