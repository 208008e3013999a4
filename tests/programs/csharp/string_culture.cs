using System;
using System.Collections.Generic;
using System.Globalization;

// Comparison, case and search of strings: ordinal, invariant, by culture and options.
class StringCulture
{
    static void Main()
    {
        string[] words = { "apple", "Apple", "äpfel", "Zebra", "zebra", "coop", "co-op", "résumé", "resume", "Résumé", "straße", "strasse", "", "a", "A", "æ", "ae", "İ", "i", "10", "9", "-1", "+1", "ﬁ", "fi", "Ω", "ω", "o\u0308", "ö", "\u00ad", "a\0b" };
        foreach (StringComparison how in Enum.GetValues(typeof(StringComparison)))
        {
            var copy = (string[])words.Clone();
            Array.Sort(copy, (x, y) => { int r = string.Compare(x, y, how); return r != 0 ? r : string.CompareOrdinal(x, y); });
            Console.WriteLine(how + ": " + string.Join(" ", copy).Replace('\0', '0').Replace('\u00ad', '~'));
            foreach (string a in new[] { "apple", "strasse", "ö", "co-op", "fi" })
                foreach (string b in words) Console.Write(string.Equals(a, b, how) ? '1' : '0');
            Console.WriteLine();
            Console.WriteLine("The quick Brown fox".IndexOf("brown", how) + " " + "The quick Brown fox brown".LastIndexOf("BROWN", how) + " " + "Hello".StartsWith("HE", how) + " " + "Hello".EndsWith("LO", how) + " " + "".StartsWith("", how) + " " + "abc".IndexOf("", how));
        }
        var ci = CultureInfo.InvariantCulture.CompareInfo;
        foreach (CompareOptions o in new[] { CompareOptions.None, CompareOptions.IgnoreCase, CompareOptions.IgnoreNonSpace, CompareOptions.IgnoreSymbols, CompareOptions.IgnoreCase | CompareOptions.IgnoreNonSpace, CompareOptions.StringSort, CompareOptions.Ordinal, CompareOptions.OrdinalIgnoreCase, CompareOptions.IgnoreWidth, CompareOptions.IgnoreKanaType })
        {
            Console.Write(o + ":");
            foreach (var p in new[] { new[] { "co-op", "coop" }, new[] { "résumé", "Resume" }, new[] { "a", "A" }, new[] { "ａ", "a" }, new[] { "あ", "ア" }, new[] { "ß", "ss" } })
                Console.Write(" " + Math.Sign(ci.Compare(p[0], p[1], o)));
            Console.WriteLine(" " + ci.IndexOf("xRÉSUMÉx", "résumé", o));
        }
        Console.WriteLine("ÀÉÎõü straße ΣΑΣ ǆ".ToUpperInvariant() + " " + "ÀÉÎÕÜ İI ΣΑΣ Ǆ".ToLowerInvariant());
        var set = new HashSet<string>(words, StringComparer.OrdinalIgnoreCase);
        var inv = new SortedDictionary<string, int>(StringComparer.InvariantCultureIgnoreCase);
        foreach (string w in words) inv[w] = inv.ContainsKey(w) ? inv[w] + 1 : 1;
        Console.WriteLine(set.Count + " " + inv.Count);
        Console.WriteLine(ci.GetSortKey("Abc").KeyData.Length + " " + BitConverter.ToString(ci.GetSortKey("aB é").KeyData));
        Console.WriteLine(StringComparer.InvariantCulture.Compare("a", "B") + " " + StringComparer.Ordinal.Compare("a", "B") + " " + "a".CompareTo("B") + " " + StringComparer.CurrentCultureIgnoreCase.Equals("É", "é"));
        var info = new StringInfo("e\u0301x𝒳");
        Console.WriteLine(info.LengthInTextElements + " " + info.SubstringByTextElements(0, 1).Length + " " + string.Join(",", StringInfo.ParseCombiningCharacters("e\u0301x𝒳")));
        foreach (char c in "aÀ1٣Ⅷ_ \t\u00a0-+€\u0301\ud835ß中")
            Console.Write(char.GetUnicodeCategory(c) + " " + char.IsLetter(c) + char.IsDigit(c) + char.IsNumber(c) + char.IsWhiteSpace(c) + char.IsPunctuation(c) + char.IsSymbol(c) + char.IsUpper(c) + char.IsControl(c) + char.IsSurrogate(c) + char.GetNumericValue(c).ToString(CultureInfo.InvariantCulture) + ";");
        Console.WriteLine();
    }
}
