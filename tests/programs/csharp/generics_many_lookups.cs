// Shared code that looks up more types than a generic context holds in place, some of them while operands are in registers.
using System;

class A0 { }
class A1 { }
class A2 { }
class A3 { }
class A4 { }
class A5 { }
class A6 { }
class A7 { }
class A8 { }
class A9 { }
class A10 { }
class A11 { }
class A12 { }
class A13 { }
class A14 { }
class A15 { }
class A16 { }
class A17 { }
class A18 { }
class A19 { }
class A20 { }
class A21 { }
class A22 { }
class A23 { }
class A24 { }
class A25 { }
class A26 { }
class A27 { }
class A28 { }
class A29 { }
class A30 { }
class A31 { }
class A32 { }
class A33 { }
class A34 { }
class A35 { }
class A36 { }
class A37 { }
class A38 { }
class A39 { }
class A40 { }
class A41 { }
class A42 { }
class A43 { }
class A44 { }
class A45 { }
class A46 { }
class A47 { }
class A48 { }
class A49 { }
class A50 { }
class A51 { }
class A52 { }
class A53 { }
class A54 { }
class A55 { }
class A56 { }
class A57 { }
class A58 { }
class A59 { }
class A60 { }
class A61 { }
class A62 { }
class A63 { }
class A64 { }
class A65 { }
class A66 { }
class A67 { }
class A68 { }
class A69 { }

struct S<T> { public T first; public object second; public int[] third; }

class P<T, U> { public static string Name() { return typeof(T).Name + typeof(U).Name; } }

class G<T> where T : class {
    // Each type is another look-up.
    public static int Names(int n) {
        int length = 0;
        if (n > 0) length += P<T, A0>.Name().Length;
        if (n > 1) length += P<T, A1>.Name().Length;
        if (n > 2) length += P<T, A2>.Name().Length;
        if (n > 3) length += P<T, A3>.Name().Length;
        if (n > 4) length += P<T, A4>.Name().Length;
        if (n > 5) length += P<T, A5>.Name().Length;
        if (n > 6) length += P<T, A6>.Name().Length;
        if (n > 7) length += P<T, A7>.Name().Length;
        if (n > 8) length += P<T, A8>.Name().Length;
        if (n > 9) length += P<T, A9>.Name().Length;
        if (n > 10) length += P<T, A10>.Name().Length;
        if (n > 11) length += P<T, A11>.Name().Length;
        if (n > 12) length += P<T, A12>.Name().Length;
        if (n > 13) length += P<T, A13>.Name().Length;
        if (n > 14) length += P<T, A14>.Name().Length;
        if (n > 15) length += P<T, A15>.Name().Length;
        if (n > 16) length += P<T, A16>.Name().Length;
        if (n > 17) length += P<T, A17>.Name().Length;
        if (n > 18) length += P<T, A18>.Name().Length;
        if (n > 19) length += P<T, A19>.Name().Length;
        if (n > 20) length += P<T, A20>.Name().Length;
        if (n > 21) length += P<T, A21>.Name().Length;
        if (n > 22) length += P<T, A22>.Name().Length;
        if (n > 23) length += P<T, A23>.Name().Length;
        if (n > 24) length += P<T, A24>.Name().Length;
        if (n > 25) length += P<T, A25>.Name().Length;
        if (n > 26) length += P<T, A26>.Name().Length;
        if (n > 27) length += P<T, A27>.Name().Length;
        if (n > 28) length += P<T, A28>.Name().Length;
        if (n > 29) length += P<T, A29>.Name().Length;
        if (n > 30) length += P<T, A30>.Name().Length;
        if (n > 31) length += P<T, A31>.Name().Length;
        if (n > 32) length += P<T, A32>.Name().Length;
        if (n > 33) length += P<T, A33>.Name().Length;
        if (n > 34) length += P<T, A34>.Name().Length;
        if (n > 35) length += P<T, A35>.Name().Length;
        if (n > 36) length += P<T, A36>.Name().Length;
        if (n > 37) length += P<T, A37>.Name().Length;
        if (n > 38) length += P<T, A38>.Name().Length;
        if (n > 39) length += P<T, A39>.Name().Length;
        if (n > 40) length += P<T, A40>.Name().Length;
        if (n > 41) length += P<T, A41>.Name().Length;
        if (n > 42) length += P<T, A42>.Name().Length;
        if (n > 43) length += P<T, A43>.Name().Length;
        if (n > 44) length += P<T, A44>.Name().Length;
        if (n > 45) length += P<T, A45>.Name().Length;
        if (n > 46) length += P<T, A46>.Name().Length;
        if (n > 47) length += P<T, A47>.Name().Length;
        if (n > 48) length += P<T, A48>.Name().Length;
        if (n > 49) length += P<T, A49>.Name().Length;
        if (n > 50) length += P<T, A50>.Name().Length;
        if (n > 51) length += P<T, A51>.Name().Length;
        if (n > 52) length += P<T, A52>.Name().Length;
        if (n > 53) length += P<T, A53>.Name().Length;
        if (n > 54) length += P<T, A54>.Name().Length;
        if (n > 55) length += P<T, A55>.Name().Length;
        if (n > 56) length += P<T, A56>.Name().Length;
        if (n > 57) length += P<T, A57>.Name().Length;
        if (n > 58) length += P<T, A58>.Name().Length;
        if (n > 59) length += P<T, A59>.Name().Length;
        if (n > 60) length += P<T, A60>.Name().Length;
        if (n > 61) length += P<T, A61>.Name().Length;
        if (n > 62) length += P<T, A62>.Name().Length;
        if (n > 63) length += P<T, A63>.Name().Length;
        if (n > 64) length += P<T, A64>.Name().Length;
        if (n > 65) length += P<T, A65>.Name().Length;
        if (n > 66) length += P<T, A66>.Name().Length;
        if (n > 67) length += P<T, A67>.Name().Length;
        if (n > 68) length += P<T, A68>.Name().Length;
        if (n > 69) length += P<T, A69>.Name().Length;
        return length;
    }

    public static int Store(int n, ref S<T> to, S<T>[] list, T value, object other) {
        int length = 0;
        if (n == 0) length = P<A0, T>.Name().Length;
        if (n == 1) length = P<A1, T>.Name().Length;
        if (n == 2) length = P<A2, T>.Name().Length;
        if (n == 3) length = P<A3, T>.Name().Length;
        if (n == 4) length = P<A4, T>.Name().Length;
        if (n == 5) length = P<A5, T>.Name().Length;
        if (n == 6) length = P<A6, T>.Name().Length;
        if (n == 7) length = P<A7, T>.Name().Length;
        if (n == 8) length = P<A8, T>.Name().Length;
        if (n == 9) length = P<A9, T>.Name().Length;
        if (n == 10) length = P<A10, T>.Name().Length;
        if (n == 11) length = P<A11, T>.Name().Length;
        if (n == 12) length = P<A12, T>.Name().Length;
        if (n == 13) length = P<A13, T>.Name().Length;
        if (n == 14) length = P<A14, T>.Name().Length;
        if (n == 15) length = P<A15, T>.Name().Length;
        if (n == 16) length = P<A16, T>.Name().Length;
        if (n == 17) length = P<A17, T>.Name().Length;
        if (n == 18) length = P<A18, T>.Name().Length;
        if (n == 19) length = P<A19, T>.Name().Length;
        if (n == 20) length = P<A20, T>.Name().Length;
        if (n == 21) length = P<A21, T>.Name().Length;
        if (n == 22) length = P<A22, T>.Name().Length;
        if (n == 23) length = P<A23, T>.Name().Length;
        if (n == 24) length = P<A24, T>.Name().Length;
        if (n == 25) length = P<A25, T>.Name().Length;
        if (n == 26) length = P<A26, T>.Name().Length;
        if (n == 27) length = P<A27, T>.Name().Length;
        if (n == 28) length = P<A28, T>.Name().Length;
        if (n == 29) length = P<A29, T>.Name().Length;
        if (n == 30) length = P<A30, T>.Name().Length;
        if (n == 31) length = P<A31, T>.Name().Length;
        if (n == 32) length = P<A32, T>.Name().Length;
        if (n == 33) length = P<A33, T>.Name().Length;
        if (n == 34) length = P<A34, T>.Name().Length;
        if (n == 35) length = P<A35, T>.Name().Length;
        if (n == 36) length = P<A36, T>.Name().Length;
        if (n == 37) length = P<A37, T>.Name().Length;
        if (n == 38) length = P<A38, T>.Name().Length;
        if (n == 39) length = P<A39, T>.Name().Length;
        if (n == 40) length = P<A40, T>.Name().Length;
        if (n == 41) length = P<A41, T>.Name().Length;
        if (n == 42) length = P<A42, T>.Name().Length;
        if (n == 43) length = P<A43, T>.Name().Length;
        if (n == 44) length = P<A44, T>.Name().Length;
        if (n == 45) length = P<A45, T>.Name().Length;
        if (n == 46) length = P<A46, T>.Name().Length;
        if (n == 47) length = P<A47, T>.Name().Length;
        if (n == 48) length = P<A48, T>.Name().Length;
        if (n == 49) length = P<A49, T>.Name().Length;
        if (n == 50) length = P<A50, T>.Name().Length;
        if (n == 51) length = P<A51, T>.Name().Length;
        if (n == 52) length = P<A52, T>.Name().Length;
        if (n == 53) length = P<A53, T>.Name().Length;
        if (n == 54) length = P<A54, T>.Name().Length;
        if (n == 55) length = P<A55, T>.Name().Length;
        if (n == 56) length = P<A56, T>.Name().Length;
        if (n == 57) length = P<A57, T>.Name().Length;
        if (n == 58) length = P<A58, T>.Name().Length;
        if (n == 59) length = P<A59, T>.Name().Length;
        if (n == 60) length = P<A60, T>.Name().Length;
        if (n == 61) length = P<A61, T>.Name().Length;
        if (n == 62) length = P<A62, T>.Name().Length;
        if (n == 63) length = P<A63, T>.Name().Length;
        if (n == 64) length = P<A64, T>.Name().Length;
        if (n == 65) length = P<A65, T>.Name().Length;
        if (n == 66) length = P<A66, T>.Name().Length;
        if (n == 67) length = P<A67, T>.Name().Length;
        if (n == 68) length = P<A68, T>.Name().Length;
        if (n == 69) length = P<A69, T>.Name().Length;
        to = new S<T> { first = value, second = other, third = new int[] { n } };
        list[n % list.Length] = to;
        list[(n + 1) % list.Length].first = value;
        to.second = new T[] { value, to.first };
        T[][] nested = { list.Length > 1 ? new T[] { value } : null };
        return length + nested.Length + (to.second is T[] ? 1 : 0) + (other is S<T> ? 10 : 0);
    }
}

class Program {
    static void Main() {
        Console.WriteLine(G<string>.Names(70) + " " + G<object>.Names(7) + " " + G<Program>.Names(0));
        var to = new S<string>();
        var list = new S<string>[3];
        for (int i = 0; i < 75; i++) {
            int r = G<string>.Store(i, ref to, list, "v" + i, i % 2 == 0 ? (object)to : "o");
            if (i % 7 == 0) Console.WriteLine(r + " " + to.first + " " + ((string[])to.second)[1] + " " + to.third[0]);
        }
        foreach (var s in list) Console.WriteLine(s.first + " " + s.second + " " + s.third[0]);
        var other = new S<Exception>();
        Console.WriteLine(G<Exception>.Store(3, ref other, new S<Exception>[1], new Exception("e"), other) + other.first.Message);
    }
}
