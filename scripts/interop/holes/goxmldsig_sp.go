// A service provider with goxmldsig, etree and encoding/xml: PORT IDP-METADATA.
//
// goxmldsig verifies the signature of the Response or of each of its assertions. What it returns replaces
// what was received. Then the document is written, and encoding/xml reads it into types of Go, which etree
// cannot do: so do gosaml2 and the SAML connector of Dex. The document is read twice.
//
// Without modules, any version of Go from 1.15 on builds it with the packages in GOPATH.
package main

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io/ioutil"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

const (
	assertionNamespace = "urn:oasis:names:tc:SAML:2.0:assertion"
	protocolNamespace  = "urn:oasis:names:tc:SAML:2.0:protocol"
	success            = "urn:oasis:names:tc:SAML:2.0:status:Success"
	bearer             = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
)

// metadata is the part of the identity provider's metadata that is needed.
type metadata struct {
	EntityID string `xml:"entityID,attr"`
	Provider struct {
		Keys []struct {
			Use         string `xml:"use,attr"`
			Certificate string `xml:"KeyInfo>X509Data>X509Certificate"`
		} `xml:"KeyDescriptor"`
		SignOn []struct {
			Binding  string `xml:"Binding,attr"`
			Location string `xml:"Location,attr"`
		} `xml:"SingleSignOnService"`
	} `xml:"IDPSSODescriptor"`
}

type response struct {
	XMLName      xml.Name    `xml:"urn:oasis:names:tc:SAML:2.0:protocol Response"`
	Version      string      `xml:"Version,attr"`
	Destination  string      `xml:"Destination,attr"`
	InResponseTo string      `xml:"InResponseTo,attr"`
	Issuer       string      `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	Status       []status    `xml:"urn:oasis:names:tc:SAML:2.0:protocol Status"`
	Assertions   []assertion `xml:"urn:oasis:names:tc:SAML:2.0:assertion Assertion"`
}

type status struct {
	Code struct {
		Value string `xml:"Value,attr"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:protocol StatusCode"`
}

type assertion struct {
	ID      string `xml:"ID,attr"`
	Version string `xml:"Version,attr"`
	Issuer  string `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	Subject []struct {
		NameID        []string       `xml:"urn:oasis:names:tc:SAML:2.0:assertion NameID"`
		Confirmations []confirmation `xml:"urn:oasis:names:tc:SAML:2.0:assertion SubjectConfirmation"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:assertion Subject"`
	Conditions []struct {
		NotBefore    string `xml:"NotBefore,attr"`
		NotOnOrAfter string `xml:"NotOnOrAfter,attr"`
		Audiences    []struct {
			Audience []string `xml:"urn:oasis:names:tc:SAML:2.0:assertion Audience"`
		} `xml:"urn:oasis:names:tc:SAML:2.0:assertion AudienceRestriction"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:assertion Conditions"`
	Logins []struct {
		SessionNotOnOrAfter string `xml:"SessionNotOnOrAfter,attr"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:assertion AuthnStatement"`
}

type confirmation struct {
	Method string `xml:"Method,attr"`
	Data   []struct {
		NotBefore    string `xml:"NotBefore,attr"`
		NotOnOrAfter string `xml:"NotOnOrAfter,attr"`
		Recipient    string `xml:"Recipient,attr"`
		InResponseTo string `xml:"InResponseTo,attr"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:assertion SubjectConfirmationData"`
}

// browser is what the application keeps of one browser.
type browser struct {
	request string
	user    string
}

type application struct {
	base     string
	idp      metadata
	context  *dsig.ValidationContext
	lock     sync.Mutex
	browsers map[string]*browser
	accepted map[string]bool
}

func main() {
	port, file := os.Args[1], os.Args[2]
	app := &application{
		base:     "http://127.0.0.1:" + port,
		browsers: map[string]*browser{},
		accepted: map[string]bool{},
	}
	text, err := ioutil.ReadFile(file)
	if err == nil {
		err = xml.Unmarshal(text, &app.idp)
	}
	if err == nil {
		err = app.trust()
	}
	if err != nil {
		log.Fatalf("cannot read %s: %v", file, err)
	}
	http.HandleFunc("/metadata", app.showMetadata)
	http.HandleFunc("/login", app.logIn)
	http.HandleFunc("/acs", app.receive)
	http.HandleFunc("/whoami", app.showUser)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
}

// trust makes goxmldsig accept the certificates for signatures in the metadata, and no others.
func (app *application) trust() error {
	var roots []*x509.Certificate
	for _, key := range app.idp.Provider.Keys {
		if key.Use == "encryption" {
			continue
		}
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(key.Certificate), ""))
		if err != nil {
			return err
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		roots = append(roots, certificate)
	}
	if len(roots) == 0 {
		return errors.New("certificate for signatures not found")
	}
	app.context = dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: roots})
	app.context.IdAttribute = "ID"
	return nil
}

func token() string {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		log.Fatal(err)
	}
	return hex.EncodeToString(random)
}

// takeBrowser removes what is known of the browser of a request, and returns it.
func (app *application) takeBrowser(request *http.Request) *browser {
	cookie, err := request.Cookie("session")
	if err != nil {
		return nil
	}
	found := app.browsers[cookie.Value]
	delete(app.browsers, cookie.Value)
	return found
}

func (app *application) keepBrowser(writer http.ResponseWriter, kept *browser) {
	name := token()
	app.browsers[name] = kept
	http.SetCookie(writer, &http.Cookie{Name: "session", Value: name, Path: "/", HttpOnly: true})
}

func (app *application) showMetadata(writer http.ResponseWriter, _ *http.Request) {
	writer.Header().Set("Content-Type", "application/samlmetadata+xml")
	fmt.Fprintf(writer, `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s/metadata">`+
		`<md:SPSSODescriptor protocolSupportEnumeration="%s" WantAssertionsSigned="true">`+
		`<md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>`+
		`<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="%s/acs" index="0"/>`+
		`</md:SPSSODescriptor></md:EntityDescriptor>`, app.base, protocolNamespace, app.base)
}

func (app *application) logIn(writer http.ResponseWriter, request *http.Request) {
	to := ""
	for _, service := range app.idp.Provider.SignOn {
		if service.Binding == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" {
			to = service.Location
		}
	}
	id := "_" + token()
	message := fmt.Sprintf(`<samlp:AuthnRequest xmlns:samlp="%s" xmlns:saml="%s" ID="%s" Version="2.0" IssueInstant="%s" `+
		`Destination="%s" AssertionConsumerServiceURL="%s/acs" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST">`+
		`<saml:Issuer>%s/metadata</saml:Issuer></samlp:AuthnRequest>`,
		protocolNamespace, assertionNamespace, id, time.Now().UTC().Format(time.RFC3339), html.EscapeString(to), app.base, app.base)
	var deflated bytes.Buffer
	deflater, err := flate.NewWriter(&deflated, flate.DefaultCompression)
	if err == nil {
		_, err = deflater.Write([]byte(message))
	}
	if err == nil {
		err = deflater.Close()
	}
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	app.lock.Lock()
	app.takeBrowser(request)
	app.keepBrowser(writer, &browser{request: id})
	app.lock.Unlock()
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	encoded := url.QueryEscape(base64.StdEncoding.EncodeToString(deflated.Bytes()))
	http.Redirect(writer, request, to+separator+"SAMLRequest="+encoded, http.StatusFound)
}

func (app *application) receive(writer http.ResponseWriter, request *http.Request) {
	app.lock.Lock()
	defer app.lock.Unlock()
	sender := app.takeBrowser(request)
	if sender == nil || sender.request == "" {
		http.Error(writer, "this browser sent no request", http.StatusForbidden)
		return
	}
	user, err := app.userOf(request.PostFormValue("SAMLResponse"), sender.request)
	if err != nil {
		log.Print(err)
		http.Error(writer, err.Error(), http.StatusForbidden)
		return
	}
	app.keepBrowser(writer, &browser{user: user})
	http.Redirect(writer, request, "/whoami", http.StatusSeeOther)
}

func (app *application) showUser(writer http.ResponseWriter, request *http.Request) {
	app.lock.Lock()
	defer app.lock.Unlock()
	cookie, err := request.Cookie("session")
	if err == nil && app.browsers[cookie.Value] != nil && app.browsers[cookie.Value].user != "" {
		fmt.Fprintf(writer, "user=%s;", app.browsers[cookie.Value].user)
		return
	}
	http.Error(writer, "nobody is logged in", http.StatusUnauthorized)
}

// userOf returns the NameID of a valid message.
func (app *application) userOf(field, request string) (string, error) {
	document, err := base64.StdEncoding.DecodeString(field)
	if err != nil {
		return "", err
	}
	verified, err := app.verify(document)
	if err != nil {
		return "", err
	}
	var message response
	if err := xml.Unmarshal(verified, &message); err != nil {
		return "", err
	}
	return app.judge(&message, request)
}

// verify returns the document with the elements that goxmldsig verified in place of the received ones.
func (app *application) verify(document []byte) ([]byte, error) {
	received := etree.NewDocument()
	if err := received.ReadFromBytes(document); err != nil {
		return nil, err
	}
	root := received.Root()
	if root == nil {
		return nil, errors.New("root element not found")
	}
	valid, err := app.context.Validate(root)
	if err == dsig.ErrMissingSignature {
		valid, err = root, app.verifyAssertions(root)
	}
	if err != nil {
		return nil, err
	}
	received.SetRoot(valid)
	return received.WriteToBytes()
}

// verifyAssertions replaces each assertion of a Response by the one that goxmldsig verified.
func (app *application) verifyAssertions(root *etree.Element) error {
	return etreeutils.NSFindIterate(root, assertionNamespace, "Assertion",
		func(context etreeutils.NSContext, found *etree.Element) error {
			if found.Parent() != root {
				return errors.New("an assertion is not a child of the Response")
			}
			detached, err := etreeutils.NSDetatch(context, found)
			if err != nil {
				return err
			}
			valid, err := app.context.Validate(detached)
			if err != nil {
				return err
			}
			root.InsertChild(found, valid)
			root.RemoveChild(found)
			return nil
		})
}

// judge returns the user of a Response to the request with this ID.
func (app *application) judge(message *response, request string) (string, error) {
	switch {
	case message.Version != "2.0":
		return "", errors.New("invalid Version of the Response")
	case len(message.Status) != 1 || message.Status[0].Code.Value != success:
		return "", errors.New("the status is not Success")
	case message.Destination != app.base+"/acs":
		return "", errors.New("invalid Destination")
	case message.InResponseTo != request:
		return "", errors.New("invalid InResponseTo of the Response")
	case message.Issuer != "" && message.Issuer != app.idp.EntityID:
		return "", errors.New("invalid Issuer of the Response")
	case len(message.Assertions) == 0:
		return "", errors.New("assertion not found")
	}
	// All of them were verified.
	one := &message.Assertions[0]
	switch {
	case one.Version != "2.0" || one.ID == "":
		return "", errors.New("invalid Version or ID of the assertion")
	case one.Issuer != app.idp.EntityID:
		return "", errors.New("invalid Issuer of the assertion")
	case len(one.Subject) != 1 || len(one.Subject[0].NameID) != 1 || one.Subject[0].NameID[0] == "":
		return "", errors.New("expected one Subject with one NameID")
	case len(one.Conditions) != 1 || len(one.Logins) == 0:
		return "", errors.New("expected one Conditions and an AuthnStatement")
	case app.accepted[one.ID]:
		return "", errors.New("the assertion was accepted before")
	}
	conditions := one.Conditions[0]
	if !isNow(conditions.NotBefore, conditions.NotOnOrAfter) {
		return "", errors.New("the Conditions are not valid now")
	}
	for _, login := range one.Logins {
		if !isNow("", login.SessionNotOnOrAfter) {
			return "", errors.New("the session has ended")
		}
	}
	if len(conditions.Audiences) == 0 {
		return "", errors.New("AudienceRestriction not found")
	}
	for _, restriction := range conditions.Audiences {
		if !contains(restriction.Audience, app.base+"/metadata") {
			return "", errors.New("invalid Audience")
		}
	}
	for _, confirmation := range one.Subject[0].Confirmations {
		if app.confirms(confirmation, request) {
			app.accepted[one.ID] = true
			return one.Subject[0].NameID[0], nil
		}
	}
	return "", errors.New("valid SubjectConfirmation not found")
}

func (app *application) confirms(one confirmation, request string) bool {
	if one.Method != bearer || len(one.Data) != 1 {
		return false
	}
	data := one.Data[0]
	return data.NotBefore == "" && data.NotOnOrAfter != "" && isNow("", data.NotOnOrAfter) &&
		data.Recipient == app.base+"/acs" && data.InResponseTo == request
}

func contains(all []string, wanted string) bool {
	for _, one := range all {
		if one == wanted {
			return true
		}
	}
	return false
}

// isNow is true between two times, with a minute of tolerance; an empty one is no limit.
func isNow(from, to string) bool {
	now := time.Now()
	if from != "" {
		begin, err := time.Parse(time.RFC3339, from)
		if err != nil || now.Add(time.Minute).Before(begin) {
			return false
		}
	}
	if to != "" {
		end, err := time.Parse(time.RFC3339, to)
		if err != nil || !now.Add(-time.Minute).Before(end) {
			return false
		}
	}
	return true
}
