// replaced by the floor's first source
