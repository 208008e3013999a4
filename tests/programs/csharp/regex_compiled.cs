// Compiled regular expressions: the same answers as interpreted ones.
using System;
using System.Linq;
using System.Text.RegularExpressions;

class Program
{
    static void Main()
    {
        string[] patterns = { @"a+b", @"(\w+)@(\w+)\.com", @"^\s*(\d{1,3})(,\d{3})*$", @"(?<year>\d{4})-(?<month>\d\d)", @"[^aeiou\s]{3,}?", @"(a|ab)(c|bcd)(d*)", @"\b(\w)\w*\1\b", @"(?i)HELLO|world", @"x*?y", @"(?<=\$)\d+", @"(?:ab){2,3}(?!c)" };
        string[] texts = { "aaab ab b", "mail joe@example.com and ann@test.com now", "1,234,567", "on 2024-05 and 1999-12", "rhythm and strength", "abcd", "abba noon level xyz", "Hello World hello", "xxxy", "cost $42 and $7", "abababc abab ababab" };
        foreach (var p in patterns)
        {
            var compiled = new Regex(p, RegexOptions.Compiled);
            var plain = new Regex(p);
            foreach (var t in texts)
            {
                string a = Show(compiled, t), b = Show(plain, t);
                if (a != b) Console.WriteLine("differ: " + p + " on " + t + ": " + a + " / " + b);
                if (a != "") Console.WriteLine(p + " : " + a);
            }
        }
        Console.WriteLine(new Regex(@"(\w+) (\w+)", RegexOptions.Compiled).Replace("one two three four", "$2 $1"));
        Console.WriteLine(string.Join("|", new Regex(@"[,;]\s*", RegexOptions.Compiled).Split("a, b;c,  d")));
        Console.WriteLine(new Regex(@"\d+", RegexOptions.Compiled | RegexOptions.RightToLeft).Match("12 345 6").Value);
    }

    static string Show(Regex r, string t)
    {
        return string.Join(" ", r.Matches(t).Cast<Match>().Select(m => m.Index + ":" + string.Join("/", m.Groups.Cast<Group>().Select(g => g.Value))));
    }
}
