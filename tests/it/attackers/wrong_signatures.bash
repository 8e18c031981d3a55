# Wrong signatures: by a key that nobody trusts, by one whose time has passed, and by alice for another
# purpose, as for a file or a commit that she was asked to sign.
# Each is refused for what is wrong with it, and recorded; the ask is as it was.
own_key own
start
wants restart_container '{"container": "web"}'
countersign asks show "$(<asked)" --document >document
echo 'By a key that nobody trusts:'
run countersign approve "$(<asked)" --key own
echo 'By one that was trusted until 2001:'
run countersign approve "$(<asked)" --key "$HOME/.ssh/former"
echo 'By alice, as a file of hers:'
as_alice sign_with "$HOME/.ssh/id_ed25519" document file >signature
run countersign approve "$(<asked)" --signature signature
echo 'The same, said to be an approval:'
python3 - <<'EOF'
import base64
text = "".join(open("signature").read().split("-----")[2].split())
blob = base64.b64decode(text)
purpose, ours = b"\0\0\0\x04file", b"\0\0\0\x14countersign-approval"
text = base64.b64encode(blob.replace(purpose, ours)).decode()
rows = [text[n:n + 70] for n in range(0, len(text), 70)]
print("-----BEGIN SSH SIGNATURE-----", *rows, "-----END SSH SIGNATURE-----", sep="\n", file=open("forged", "w"))
EOF
run countersign approve "$(<asked)" --signature forged
spend
