using System;

class StringsSearch
{
    static string Join(string separator, string[] parts)
    {
        string result = "";
        for (int i = 0; i < parts.Length; i++)
            result += (i > 0 ? separator : "") + "[" + parts[i] + "]";
        return result;
    }

    static int Sign(int x) { return x < 0 ? -1 : x > 0 ? 1 : 0; }

    static void Main()
    {
        string text = "abcabcabd";
        Console.WriteLine(text.IndexOf('c'));
        Console.WriteLine(text.IndexOf('c', 3));
        Console.WriteLine(text.IndexOf('z'));
        Console.WriteLine(text.IndexOf('a', 1, 2));
        Console.WriteLine(text.LastIndexOf('a'));
        Console.WriteLine(text.LastIndexOf('c', 4));
        Console.WriteLine(text.IndexOf("abd", StringComparison.Ordinal));
        Console.WriteLine(text.IndexOf("abx", StringComparison.Ordinal));
        Console.WriteLine(text.IndexOf("", StringComparison.Ordinal));
        Console.WriteLine(text.LastIndexOf("abc", StringComparison.Ordinal));
        Console.WriteLine(text.IndexOfAny(new char[] { 'x', 'd', 'c' }));
        Console.WriteLine(text.Contains("cab"));
        Console.WriteLine(text.Contains("cabx"));
        Console.WriteLine(text.StartsWith("abc", StringComparison.Ordinal));
        Console.WriteLine(text.StartsWith("bc", StringComparison.Ordinal));
        Console.WriteLine(text.EndsWith("abd", StringComparison.Ordinal));

        string[] words = { "", "a", "A", "aa", "ab", "b", "abc", "Abc", "\u00e9", null };
        foreach (string a in words)
        {
            string row = "";
            foreach (string b in words)
                row += Sign(string.CompareOrdinal(a, b)) + " ";
            Console.WriteLine(row);
        }
        Console.WriteLine(string.Equals("abc", "ABC", StringComparison.OrdinalIgnoreCase));
        Console.WriteLine(string.Equals("abc", "ABD", StringComparison.OrdinalIgnoreCase));
        Console.WriteLine(Sign(string.Compare("abc", "ABD", StringComparison.OrdinalIgnoreCase)));

        Console.WriteLine("hello".Replace('l', 'L'));
        Console.WriteLine("hello".Replace("l", "<l>"));
        Console.WriteLine("hello".Replace("xyz", "!"));
        Console.WriteLine("hello".Insert(2, "--"));
        Console.WriteLine("hello".Remove(3));
        Console.WriteLine("hello".Remove(1, 3));
        Console.WriteLine("[" + "  trim me ".Trim() + "]");
        Console.WriteLine("[" + "  trim me ".TrimStart() + "]");
        Console.WriteLine("[" + "xxtrimxx".Trim('x') + "]");
        Console.WriteLine("[" + "pad".PadLeft(6) + "]");
        Console.WriteLine("[" + "pad".PadRight(6, '.') + "]");
        Console.WriteLine(Join("+", "a,b,,c".Split(',')));
        Console.WriteLine(Join("+", "a b;c".Split(' ', ';')));
        Console.WriteLine(Join("+", "a,b,,c".Split(new char[] { ',' }, StringSplitOptions.RemoveEmptyEntries)));
        Console.WriteLine(Join("+", "nothing".Split(',')));
        Console.WriteLine(string.Join("-", new string[] { "x", "y", "z" }));
        Console.WriteLine(string.Join("-", new string[0]).Length);

        // A hand-made search, to compare with.
        string hay = "mississippi", needle = "issi";
        for (int at = 0; at + needle.Length <= hay.Length; at++)
        {
            int k = 0;
            while (k < needle.Length && hay[at + k] == needle[k])
                k++;
            if (k == needle.Length)
                Console.WriteLine("found at " + at + " and " + hay.IndexOf(needle, at, StringComparison.Ordinal));
        }
        Console.WriteLine(text.GetHashCode() == "abcabcabd".GetHashCode());
        Console.WriteLine(ReferenceEquals(string.Intern(text + ""), "abcabcabd"));
        Console.WriteLine(char.IsDigit('5') + " " + char.IsDigit('x') + " " + char.IsLetter('x') + " " + char.IsWhiteSpace(' '));
        Console.WriteLine(char.ToUpperInvariant('q') + " " + char.ToLowerInvariant('Q'));
    }
}
