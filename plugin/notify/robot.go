package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// The robots of DingTalk, Feishu and WeCom answer 200 whatever happens, and say in
// the body what did.

// errNoRobot is for a reply that no robot gives.
var errNoRobot = errors.New("what answers is no robot: is the URL that of its webhook?")

// verdict reads a robot's reply: the number under the first of the keys that it
// has, 0 being well. Of busy codes it says that trying again helps. The words of
// the reply are left out: they may hold what was sent.
func verdict(reply []byte, keys []string, busy []int) (retry bool, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(reply, &fields); err != nil {
		return false, errNoRobot
	}
	for _, key := range keys {
		text, ok := fields[key]
		if !ok {
			continue
		}
		var code int
		if err := json.Unmarshal(text, &code); err != nil {
			return false, errNoRobot
		}
		if code == 0 {
			return false, nil
		}
		return slices.Contains(busy, code), fmt.Errorf("%s %d", key, code)
	}
	return false, errNoRobot
}

// hmac64 is an HMAC-SHA256 in base 64.
func hmac64(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
